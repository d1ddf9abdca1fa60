"""Facts that stop a change in the archive. `retryable` says whether the same request may succeed later."""

from collections.abc import Sequence
from typing import Any


class ArchiveError(Exception):
    """Base of this room's errors."""

    code = "ARCHIVE_ERROR"
    status = 400
    retryable = False

    def __init__(self, detail: Any = "", *, receipt: Any = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.receipt = receipt
        """What of the batch was kept all the same (an api.Receipt), or None when nothing moved."""


class TokenInvalid(ArchiveError):
    """The play token was not made by us, or was changed on its way."""

    code, status = "TOKEN_INVALID", 401


class TokenExpired(ArchiveError):
    """The play token is too old; opening the lesson again gives a new one."""

    code, status = "TOKEN_EXPIRED", 401


class NotOpen(ArchiveError):
    """The lesson is not there for this member: unknown, withdrawn, or disclosed to others only."""

    code, status = "NOT_OPEN", 404


class LeaseLost(ArchiveError):
    """A newer play session of the same member holds the lease; this one's later beats are refused."""

    code, status = "LEASE_LOST", 409


class SeqConflict(ArchiveError):
    """Beats were sent before with the same (session, seq) and another body; nothing of the batch is kept."""

    code, status = "SEQ_CONFLICT", 409

    def __init__(self, conflicts: Sequence[int]) -> None:
        super().__init__(f"other bodies are on record for {list(conflicts)}")
        self.conflicts = list(conflicts)


class BadBeats(ArchiveError):
    """The batch is malformed; the detail says where."""

    code, status = "BAD_BEATS", 422


class BatchTooBig(ArchiveError):
    """The body has more bytes than any batch needs; nothing of it was read."""

    code, status = "BATCH_TOO_BIG", 413


class NotAllowed(ArchiveError):
    """The acting person may not do this for this member."""

    code, status = "NOT_ALLOWED", 403


class AlreadyReversed(ArchiveError):
    """The entry was reversed before, or is itself a reversal."""

    code, status = "ALREADY_REVERSED", 409


class AlreadyCredited(ArchiveError):
    """The ledger already holds an entry for the same evidence in the same year."""

    code, status = "ALREADY_CREDITED", 409


class RuleMissing(ArchiveError):
    """No rule of this code is in force on that day: load the fixtures or mend the dates."""

    code, status = "RULE_MISSING", 500


class SealOutOfOrder(ArchiveError):
    """A day is sealed once, after the days before it, and not before it has begun."""

    code, status = "SEAL_OUT_OF_ORDER", 409


class AlreadyAsked(ArchiveError):
    """A request for correction of this entry is open."""

    code, status = "ALREADY_ASKED", 409


class AlreadyAnswered(ArchiveError):
    """The request for correction was answered or withdrawn."""

    code, status = "ALREADY_ANSWERED", 409


class OfAClass(ArchiveError):
    """The hours come from a training class that the organiser does not lead: its organiser takes them back there."""

    code, status = "OF_A_CLASS", 409


class ImportRefused(ArchiveError):
    """A list of study hours is not taken: EMPTY, TOO_LARGE, KIND."""

    code, status = "IMPORT_REFUSED", 422

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


# Records of other schools


class RecordUnreadable(ArchiveError):
    """The file is no record, or not one of a format that we know; the detail says what is wrong."""

    code, status = "RECORD_UNREADABLE", 422


class UnknownKey(ArchiveError):
    """The record was signed with a key that nobody here trusts."""

    code, status = "UNKNOWN_KEY", 422

    def __init__(self, kid: str, school: str) -> None:
        super().__init__(f"{kid} of {school}")
        self.kid, self.school = kid, school


class SignatureWrong(ArchiveError):
    """The record was changed after it was signed, or signed by another school than it says."""

    code, status = "SIGNATURE_WRONG", 422


class KeyEnded(UnknownKey):
    """The record says that it was issued after its key had ended."""

    code, status = "KEY_ENDED", 422


class WrongPerson(ArchiveError):
    """The record is of somebody else: `what` is name, phone, or bound (an earlier record went to another member)."""

    code, status = "WRONG_PERSON", 422

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class NotReckoned(ArchiveError):
    """What waits in the member's log cannot be reckoned just now (a fault of ours); it is kept, nothing was changed."""

    code, status, retryable = "NOT_RECKONED", 503, True


class YearClosed(ArchiveError):
    """The year is closed for the member's organisation: only a late line with a reason and an approver goes in."""

    code, status = "YEAR_CLOSED", 409

    def __init__(self, year: int, organization: str) -> None:
        super().__init__(f"{year} is closed by {organization}")
        self.year, self.organization = year, organization


class YearNotOver(ArchiveError):
    """A year is closed after its end."""

    code, status = "YEAR_NOT_OVER", 409


class AlreadyClosed(ArchiveError):
    """This organisation has closed this year already."""

    code, status = "ALREADY_CLOSED", 409


class NotClosed(ArchiveError):
    """The close was undone before."""

    code, status = "NOT_CLOSED", 409


class ReasonMissing(ArchiveError):
    """A decision that needs a reason in words came without one."""

    code, status = "REASON_MISSING", 422


class ExemptionRefused(ArchiveError):
    """The exemption cannot be so: `why` is YEARS (they end before they begin, or end where it ends already) or OVERLAP."""

    code, status = "EXEMPTION_REFUSED", 409

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class LateRefused(ArchiveError):
    """A late line cannot be so: `why` is OPEN (the year is not closed), TWO (a second person decides), MOVED (it was
    decided meanwhile), PROPOSER (who proposed it holds no post there any more), ASKED (the entry waits already),
    REVERSAL (it takes another one back, or was taken back itself), DATES or HOURS."""

    code, status = "LATE_REFUSED", 409

    def __init__(self, why: str, limit: object = None) -> None:
        super().__init__(why)
        self.why, self.limit = why, limit


class ProofRefused(ArchiveError):
    """A proof file is not one that may be kept: `why` is EMPTY, TOO_LARGE, NOT_A_PROOF, BROKEN or TOO_MANY."""

    code, status = "PROOF_REFUSED", 422

    def __init__(self, why: str, name: str = "") -> None:
        super().__init__(f"{why} {name}".strip())
        self.why, self.name = why, name


class ClaimRefused(ArchiveError):
    """What a claim says cannot be: `why` is DATES, FUTURE, TOO_OLD, HOURS, MODE or NO_PROOF."""

    code, status = "CLAIM_REFUSED", 422

    def __init__(self, why: str, limit: object = None) -> None:
        super().__init__(why)
        self.why, self.limit = why, limit


class ClaimMoved(ArchiveError):
    """The claim is in another state than the change needs, or was filed anew since it was read."""

    code, status = "CLAIM_MOVED", 409


class ClassRefused(ArchiveError):
    """The class cannot be so: `why` is DATES, YEAR, HOURS, MODE, NOT_OVER, CONCLUDED, and of one member COMPLETED
    or NOT_COMPLETED."""

    code, status = "CLASS_REFUSED", 409

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class CertificateRevoked(ArchiveError):
    """The certificate was revoked before."""

    code, status = "CERTIFICATE_REVOKED", 409


class PackDamaged(Exception):
    """A packed month of the log (packs/) is not as it was made; a backup has it. Its member's late beats wait until
    it is put back."""

    def __init__(self, member_id: int, month: int, detail: str) -> None:
        super().__init__(f"the pack of month {month} of member {member_id} is damaged: {detail}")
        self.member_id, self.month, self.detail = member_id, month, detail
