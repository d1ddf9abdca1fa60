"""What the cmi5 room says to people, by code. English msgids; Chinese in the catalogue."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from courses.archive.cmi5.errors import Cmi5Error

__all__ = ["WORDS", "sentence", "worded"]

WORDS: dict[str, Any] = {
    # packages
    "PACKAGE_TYPE": _("«%(value)s» is no course package: send a zip file, or a cmi5.xml."),
    "PACKAGE_EMPTY": _("The file is empty. Choose the package again."),
    "PACKAGE_TOO_BIG": _("The package is bigger than %(limit)s MB. Ask the publisher for a smaller one."),
    "NOT_A_PACKAGE": _(
        "This is neither a zip file nor a cmi5.xml. Choose the package as the publisher gave it to you."
    ),
    "NOT_A_ZIP": _("This is no zip file, or it is damaged. Download the package again."),
    "ZIP_WITHOUT_STRUCTURE": _(
        "There is no cmi5.xml at the top of the zip file. Pack the contents of the folder, not the folder itself; "
        "SCORM packages cannot be imported."
    ),
    "ZIP_TOO_MANY_FILES": _("The package holds more than %(limit)s files."),
    "ZIP_NAME": _("The package holds a file with a name that is not allowed: %(value)s"),
    "ZIP_NAME_TWICE": _("The package holds two files with the same name: %(value)s"),
    "ZIP_LINK": _("The package holds a link instead of a file: %(value)s"),
    "ZIP_ENCRYPTED": _("A file in the package needs a password: %(value)s. Pack it without one."),
    "ZIP_METHOD": _("A file in the package is compressed in an unusual way: %(value)s. Use ordinary zip."),
    "ZIP_BOMB": _("A file in the package unpacks to far more than is credible: %(value)s"),
    "ZIP_DAMAGED": _("A file in the package is damaged: %(value)s. Download the package again."),
    "STRUCTURE_TOO_BIG": _("The cmi5.xml is bigger than %(limit)s MB."),
    "XML_DANGEROUS": _("The cmi5.xml defines a document type or entities; that is not allowed."),
    "XML_BROKEN": _(
        "The cmi5.xml is no well-formed XML from %(where)s (line:column) on. Ask the publisher for a correct package."
    ),
    "STRUCTURE_ROOT": _("The cmi5.xml does not begin with %(expected)s but with %(element)s."),
    "STRUCTURE_ELEMENT": _(
        "In the cmi5.xml «%(element)s» stands where it must not; expected here: %(expected)s"
    ),
    "STRUCTURE_MISSING_ELEMENT": _(
        "In the cmi5.xml «%(element)s» lacks «%(expected)s», or it is not in its place."
    ),
    "STRUCTURE_TEXT_BETWEEN": _("In the cmi5.xml «%(element)s» holds text where only elements may stand."),
    "STRUCTURE_ATTRIBUTE": _("In the cmi5.xml «%(element)s» has an unknown attribute: %(attribute)s"),
    "STRUCTURE_MISSING_ATTRIBUTE": _("In the cmi5.xml «%(element)s» lacks the attribute «%(attribute)s»."),
    "STRUCTURE_VALUE": _("In the cmi5.xml «%(element)s» has an unusable value for %(attribute)s: %(value)s"),
    "TOO_DEEP": _("Blocks are nested deeper than %(limit)s."),
    "TOO_MANY_AUS": _("The course has more than %(limit)s units."),
    "IRI_INVALID": _("The id of «%(element)s» is no full address with a scheme: %(value)s"),
    "ID_TWICE": _("Two elements «%(element)s» have the same id: %(value)s"),
    "OBJECTIVE_UNKNOWN": _("The course refers to an objective that it does not define: %(value)s"),
    "URL_INVALID": _("The address of the unit «%(element)s» cannot be used: %(value)s"),
    "URL_QUERY_CONFLICT": _(
        "The address of the unit «%(element)s» uses a name that the launch needs itself: %(value)s"
    ),
    "URL_RELATIVE_WITHOUT_ZIP": _(
        "The unit «%(element)s» refers to a file (%(value)s), but no files came with it. Send the whole zip file."
    ),
    "URL_WITHOUT_FILE": _("The unit «%(element)s» refers to a file that is not in the package: %(value)s"),
    "ANOTHER_COURSE": _(
        "This is not a new version of the course but another one: its id is %(value)s, not %(expected)s. Import it as a "
        "course of its own, or ask the publisher for the right package."
    ),
    "NO_ROOM": _(
        "The disk of the server is full; nothing was imported. Tell the administrator, then try again."
    ),
    # launches
    "CMI5_UNKNOWN": _("There is no such course, unit, registration or session."),
    "ACTOR": _("The actor must be an agent with an account (homePage and name)."),
    "ACTOR_OURS": _(
        "Members of this school begin on its own pages; a program may only name its own learners."
    ),
    "LAUNCH_MODE": _("The launch mode must be Normal, Browse or Review."),
    "RETURN_URL": _("The return address must begin with http:// or https://."),
    "WAIVE_REASON": _("A waiver needs a reason of at most 200 characters."),
    "WAIVED_BEFORE": _("This unit was waived before."),
    "SESSION_OVER": _("This session is over already."),
    # statements and documents of AUs
    "NOT_A_STATEMENT": _("This is no statement."),
    "SESSION_ENDED": _("The session is over; nothing more is recorded for it."),
    "LAUNCH_DATA_NOT_READ": _("The launch data must be read before the first statement."),
    "PREFERENCES_NOT_READ": _("The learner's preferences must be read before the first statement."),
    "ID_MISSING": _("The statement lacks an id."),
    "TIMESTAMP_MISSING": _("The statement lacks a timestamp."),
    "TIMESTAMP_NOT_UTC": _("The timestamp is not in UTC."),
    "VOIDING": _("Course content may not void statements."),
    "ACTOR_NOT_AN_AGENT": _("The actor is not an agent."),
    "ACTOR_OTHER": _("The actor is not the one of the launch."),
    "CONTEXT_MISSING": _("The statement lacks a context."),
    "REGISTRATION_OTHER": _("The registration is not the one of the launch."),
    "SESSION_OTHER": _("The session id is not the one of the launch."),
    "CONTEXT_TEMPLATE": _("The context lacks what the context template says."),
    "VERB_NOT_DEFINED": _("Course content may not use this verb in the category cmi5."),
    "RESULT_INVALID": _("The result is not an object."),
    "CATEGORY_MOVE_ON": _(
        "The category moveon must stand exactly where the result tells of success or completion."
    ),
    "OBJECT_OTHER": _("The object is not the activity of the launch."),
    "SUCCESS_NOT_HERE": _("This verb may not tell of success."),
    "SUCCESS_WRONG": _("The success of the result does not fit the verb."),
    "COMPLETION_NOT_HERE": _("This verb may not tell of completion."),
    "COMPLETION_WRONG": _("The completion of the result does not fit the verb."),
    "DURATION_MISSING": _("The result lacks a duration."),
    "PROGRESS_INVALID": _("The progress must be a whole number from 0 to 100."),
    "SCORE_NOT_HERE": _("This verb may not bring a score."),
    "SCORE_INVALID": _("The score is outside its bounds."),
    "SCORE_WITHOUT_BOUNDS": _("A raw score needs its minimum and maximum."),
    "MASTERY_SCORE_OTHER": _("The mastery score in the context is not the one of the launch."),
    "PASSED_BELOW": _("The score is below the mastery score, so the unit is not passed."),
    "FAILED_ABOVE": _("The score reaches the mastery score, so the unit is not failed."),
    "NOT_INITIALIZED": _("The first statement of a session must be «initialized»."),
    "TWICE_IN_SESSION": _("This was stated in the session before."),
    "TWICE_IN_REGISTRATION": _("This was stated in the registration before."),
    "FAILED_AFTER_PASSED": _("What was passed cannot be failed afterwards."),
    "NOT_IN_THIS_MODE": _("In this launch mode nothing is recorded about completion."),
    "PREFERENCES_INVALID": _(
        "The preferences must be an object with languagePreference and audioPreference."
    ),
    "PREFERENCES_LANGUAGE": _("The languages must be tags separated by commas, e.g. zh-CN,en."),
    "PREFERENCES_AUDIO": _("The sound must be on or off."),
    "LAUNCH_DATA_READ_ONLY": _("The launch data can only be read."),
    "AGENT_MISSING": _("The request does not say whose document it wants: the parameter agent is missing."),
    "AGENT_OTHER": _("Course content may only read and write for the learner of its launch."),
    "NOT_FOR_CONTENT": _("Course content may not do this."),
    "BUSY": _("The archive is busy. Try again in a moment."),
    "TOKEN_UNKNOWN": _("The authorization token is not known, or its session is over."),
}


def sentence(code: str, values: dict[str, Any] | None = None) -> str:
    """What `code` says, in the language of the request."""
    words = str(WORDS[code])
    return words % values if values else words


def worded(error: Cmi5Error) -> dict[str, Any]:
    """The body of a refusal: code, message, and the requirement that was broken (violatedReqId), where one was."""
    said: dict[str, Any] = {"code": error.code, "message": sentence(error.code, error.values)}
    return said | ({"violatedReqId": error.requirement} if error.requirement else {})
