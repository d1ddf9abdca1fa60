"""What records say to people when they cannot be taken."""

from django.utils.translation import gettext as _

from courses.archive.errors import ArchiveError, ReasonMissing, RecordUnreadable, UnknownKey, WrongPerson

__all__ = ["identity_words", "in_words"]


def in_words(refusal: ArchiveError) -> str:
    """Why a record is refused, and what to do next."""
    if isinstance(refusal, WrongPerson):
        return _PERSON[refusal.what]()
    if isinstance(refusal, RecordUnreadable):
        return _(
            "This file is no signed record of a school, or not a whole one (%(detail)s). Ask for it anew."
        ) % {"detail": refusal.detail}
    if refusal.code == "KEY_ENDED":
        return _(
            "The record says that it was issued after the key of %(school)s had ended. Ask that school for a new one."
        ) % {"school": refusal.school if isinstance(refusal, UnknownKey) else ""}
    if isinstance(refusal, UnknownKey):
        return _(
            "The key of this record is not known here (%(school)s, key %(kid)s). The administrator fetches the keys of "
            "that school, compares them by telephone and enters them with «manage.py trust_school»."
        ) % {"school": refusal.school, "kid": refusal.kid[:12]}
    if refusal.code == "SIGNATURE_WRONG":
        return _(
            "The signature does not fit: the file was changed after %(school)s signed it, or somebody else signed it in "
            "its name. Ask for it anew."
        ) % {"school": refusal.detail}
    if isinstance(refusal, ReasonMissing):
        return _(
            "It would write into a year that is closed. Show the record once more and give the reason; nothing was added."
        )
    if refusal.code in {"NOT_ALLOWED", "YEAR_CLOSED"}:
        return _(
            "Some of its years are closed by an organisation above yours. An organiser of that organisation has to take "
            "this record over; nothing was added."
        )
    return _("This could not be done; nothing was changed. Open the page again and look how it stands.")


_PERSON = {
    "name": lambda: _("The record is of somebody with another name. Nothing was added."),
    "phone": lambda: _(
        "The mobile number does not fit: this may be somebody else of the same name. Ask the person for the number that "
        "the other school knew, and enter it."
    ),
    "bound": lambda: _(
        "The record is of somebody else: an earlier record of that person went to another member, or this member came "
        "from that school as somebody else."
    ),
    "papers": lambda: _(
        "The other school knew no mobile number. Confirm that you have seen the person's papers."
    ),
}


def identity_words(identity: str) -> str:
    """How the person was made sure of."""
    return {
        "PHONE": _("the mobile number fits"),
        "STATED_PHONE": _("the number that the person stated fits"),
        "BY_SIGHT": _("the other school knew no number: look at the person's papers"),
    }[identity]
