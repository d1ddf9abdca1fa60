"""The IRIs of cmi5 and the verbs it uses (cmi5 §9)."""

from __future__ import annotations

__all__ = [
    "ABANDONED", "BLOCK_TYPE", "CATEGORY_CMI5", "CATEGORY_MOVE_ON", "COMPLETED", "COURSE_TYPE", "EXTENSION", "FAILED",
    "INITIALIZED", "LAUNCHED", "LAUNCH_DATA", "LAUNCH_MODES", "PASSED", "PREFERENCES", "PROGRESS", "REASON",
    "SATISFIED", "TERMINATED", "VOIDED", "WAIVED", "WAIVE_REASONS", "display",
]  # fmt: skip

INITIALIZED = "http://adlnet.gov/expapi/verbs/initialized"
COMPLETED = "http://adlnet.gov/expapi/verbs/completed"
PASSED = "http://adlnet.gov/expapi/verbs/passed"
FAILED = "http://adlnet.gov/expapi/verbs/failed"
TERMINATED = "http://adlnet.gov/expapi/verbs/terminated"
LAUNCHED = "http://adlnet.gov/expapi/verbs/launched"
ABANDONED = "https://w3id.org/xapi/adl/verbs/abandoned"
WAIVED = "https://w3id.org/xapi/adl/verbs/waived"
SATISFIED = "https://w3id.org/xapi/adl/verbs/satisfied"
VOIDED = "http://adlnet.gov/expapi/verbs/voided"

CATEGORY_CMI5 = "https://w3id.org/xapi/cmi5/context/categories/cmi5"
CATEGORY_MOVE_ON = "https://w3id.org/xapi/cmi5/context/categories/moveon"

EXTENSION = "https://w3id.org/xapi/cmi5/context/extensions/"
"""Context extensions: sessionid, masteryscore, launchmode, launchurl, moveon, launchparameters."""
REASON = "https://w3id.org/xapi/cmi5/result/extensions/reason"
PROGRESS = "https://w3id.org/xapi/cmi5/result/extensions/progress"

BLOCK_TYPE = "https://w3id.org/xapi/cmi5/activitytype/block"
COURSE_TYPE = "https://w3id.org/xapi/cmi5/activitytype/course"

LAUNCH_DATA = "LMS.LaunchData"
PREFERENCES = "cmi5LearnerPreferences"

LAUNCH_MODES = ("Normal", "Browse", "Review")
WAIVE_REASONS = ("Tested Out", "Equivalent AU", "Equivalent Outside Activity", "Administrative")

_ZH = {
    LAUNCHED: "启动", ABANDONED: "中断", WAIVED: "免修", SATISFIED: "达标",
}  # fmt: skip


def display(verb: str) -> dict[str, str]:
    """What a verb of ours is called in statements: {"en": "launched", "zh-CN": "启动"}."""
    return {"en": verb.rpartition("/")[2], "zh-CN": _ZH[verb]}
