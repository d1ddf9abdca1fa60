"""What the archive says to organisers and members when something cannot be: what is wrong, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext as _

from courses.archive import errors
from courses.archive.wording import ERRORS

__all__ = ["why_not", "why_not_entered", "why_not_read"]


def why_not(refusal: errors.ArchiveError) -> str:
    """A sentence for the person who asked."""
    if isinstance(refusal, errors.ProofRefused):
        return _proof(refusal)
    if isinstance(refusal, errors.ClaimRefused):
        return _claim(refusal)
    if isinstance(refusal, errors.ImportRefused):
        return why_not_read(refusal.why)
    if isinstance(refusal, errors.ExemptionRefused):
        return _exemption(refusal)
    if isinstance(refusal, errors.LateRefused):
        return _late(refusal)
    if isinstance(refusal, errors.OfAClass):
        return str(ERRORS["OF_A_CLASS"])
    if isinstance(refusal, errors.YearClosed):
        said = _(
            "%(organization)s has closed %(year)s. Only an organiser there can still approve it, with a reason."
        )
        return said % {"organization": refusal.organization, "year": refusal.year}
    if isinstance(refusal, errors.NotAllowed):
        return _("Your post does not reach that far. Ask the organisation above.")
    if isinstance(refusal, errors.ReasonMissing):
        return _("Give the reason in a few words; it stays on record.")
    if isinstance(refusal, errors.ClaimMoved):
        return _("Meanwhile something about this claim has changed. Look at it once more.")
    if isinstance(refusal, errors.ClassRefused):
        return _class(refusal)
    if isinstance(refusal, errors.CertificateRevoked):
        return _("This certificate was revoked before.")
    if isinstance(refusal, errors.AlreadyReversed):
        return _("These hours were taken back before.")
    if isinstance(refusal, errors.YearNotOver):
        return _("A year can be closed once it is over.")
    if isinstance(refusal, errors.AlreadyClosed):
        return _("This year is closed already.")
    if isinstance(refusal, errors.NotClosed):
        return _("This year had been opened again already.")
    raise refusal


def _claim(refusal: errors.ClaimRefused) -> str:
    if refusal.why == "DATES":
        return _("The last day lies before the first, or in another year. Claim each year by itself.")
    if refusal.why == "FUTURE":
        return _("The last day has not come yet. File the claim when the study is over.")
    if refusal.why == "TOO_OLD":
        return _("Only study from %(year)s on can be claimed. For older study ask your branch.") % {
            "year": refusal.limit
        }
    if refusal.why == "HOURS":
        said = _(
            "For these days between 0.25 and %(most)s study hours can be claimed, in quarters of an hour."
        )
        return said % {"most": f"{refusal.limit:.2f}".rstrip("0").rstrip(".")}
    if refusal.why == "NO_PROOF":
        return _("Add at least one proof, e.g. a photograph of the certificate or the attendance list.")
    return _("Choose how it was studied.")


def _exemption(refusal: errors.ExemptionRefused) -> str:
    if refusal.why == "OVERLAP":
        return _("For one of these years there is an exemption already. End it, or choose other years.")
    return _("The last year lies before the first, or it ends by then already. Choose other years.")


def _late(refusal: errors.LateRefused) -> str:
    if refusal.why == "OPEN":
        said = _("%(year)s is not closed for this member: what is missing is entered in the usual way.")
        return said % {"year": refusal.limit}
    if refusal.why == "TWO":
        return _("Somebody else has to decide: neither who proposed it nor whom it concerns.")
    if refusal.why == "PROPOSER":
        return _("Who proposed it holds no post there any more. Refuse it, and have it proposed anew.")
    if refusal.why == "ASKED":
        return _("This entry waits for a decision already.")
    if refusal.why == "REVERSAL":
        return _("This entry was taken back before, or takes another one back.")
    if refusal.why == "DATES":
        return _("The last day lies before the first, or in another year. Enter each year by itself.")
    if refusal.why == "HOURS":
        said = _(
            "For these days between 0.25 and %(most)s study hours can be entered, in quarters of an hour."
        )
        return said % {"most": f"{refusal.limit:.2f}".rstrip("0").rstrip(".")}
    return _("Meanwhile this was decided or withdrawn. Look at it once more.")


def _proof(refusal: errors.ProofRefused) -> str:
    named = {"name": refusal.name}
    if refusal.why == "TOO_LARGE":
        return _("«%(name)s» is too large. Up to 10 MB each; photograph it with fewer pixels.") % named
    if refusal.why == "EMPTY":
        return _("«%(name)s» is empty. Choose the file once more.") % named
    if refusal.why == "BROKEN":
        return _("«%(name)s» cannot be read; it may be damaged. Save or photograph it once more.") % named
    if refusal.why == "TOO_MANY":
        return _("Up to six files go with a claim. Leave some out, or put them into one PDF.")
    return _("«%(name)s» is neither a PDF nor a JPEG or PNG picture.") % named


def _class(refusal: errors.ClassRefused) -> str:
    if refusal.why == "DATES":
        return _("The days lie outside the class, or in two years. A class lies within one calendar year.")
    if refusal.why == "YEAR":
        return _("A class lies in last year, this year or the next. Look at the days once more.")
    if refusal.why == "HOURS":
        return _("Say how many study hours it is worth; a session has up to 12.")
    if refusal.why == "MODE":
        return _("An online class needs required lessons or an exam; sessions are for classes at the place.")
    if refusal.why == "NOT_OVER":
        return _("A class can be concluded from its last day on.")
    if refusal.why == "CONCLUDED":
        return _("The class is concluded; its sessions are not changed any more.")
    if refusal.why == "NOT_COMPLETED":
        return _("There is no completion to take back.")
    return _("These hours are in the archive already. Take the completion back first.")


def why_not_read(code: str) -> str:
    """Why a list of study hours as a whole is not taken, or cannot be read."""
    if code == "EMPTY":
        return _("There are no lines in this file. Fill in the template, and hand it in again.")
    if code == "TOO_LARGE":
        return _("The file is larger than 5 MB. Hand the list in in several files.")
    if code == "TOO_LONG":
        return _("The file has more than 20,000 lines. Hand the list in in several files.")
    if code == "NO_HEAD":
        return _(
            "The line with the titles of the columns was not found. Use the template, and leave its titles as they are."
        )
    if code == "BROKEN":
        return _(
            "The file cannot be read; it may be damaged. Open it in Excel or WPS, save it as .xlsx, and hand it in again."
        )
    return _("Only .xlsx and .csv can be read. Save the list as .xlsx in Excel or WPS, and hand it in again.")


def why_not_entered(code: str, value: str, titles: Mapping[str, str]) -> str:
    """Why one line of a list was not entered, and what to do. `titles`: field → title of its column."""
    if code == "MISSING":
        return _("«%(column)s» is empty.") % {"column": titles.get(value, value)}
    if code == "HOURS":
        said = _("Study hours go in quarters of an hour, from 0.25 to %(most)s for these days.")
        return said % {"most": value}
    if code == "CLOSED":
        said = _(
            "%(year)s is closed. Ask an organiser of the organisation that closed it to hand the line in, with a reason."
        )
        return said % {"year": value}
    return {
        "TOO_LONG": _("The text is too long: up to 200 signs for what was studied, 120 for who held it."),
        "MODE": _("Write 集中培训 or 集体学习 for how it was studied."),
        "DATE": _("A day is written like 2026-05-01."),
        "ORDER": _("The last day lies before the first, or in another year."),
        "FUTURE": _("The last day has not come yet."),
        "OLD": _("The year is too long ago; look at it once more."),
        "NOT_FOUND": _("Within your organisation there is nobody with this sign-in name or mobile number."),
        "OTHER_NAME": _("The sign-in name or mobile number belongs to somebody with another name."),
        "FAULT": _(
            "This line could not be entered because of a fault of the system. Tell your administrator."
        ),
        "OWN": _("Your own hours are entered by somebody else."),
    }[code]
