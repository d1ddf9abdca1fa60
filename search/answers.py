"""What an answer looks like to a question that asks for a number, a day, a sum: 多少盏 wants 3300盏. Pure.

Of two pieces of one report both name what is asked about; the one that has a number of lamps in it is meant. No more
is claimed than that: whether it is the right number, nobody here can tell.
"""

import re

__all__ = ["expected"]

_NUMBER = "[0-9〇零一二两三四五六七八九十百千万亿半]"
_SOME = f"{_NUMBER}{{1,12}}多?余?[万亿]?"
"""A number in digits or characters, as 3300, 三千三百, 十余, 2万. Bounded, for a sheet may be nothing but digits."""

_OFTEN = "[每按][年季月周日]"

_LOOKS: tuple[tuple[str, str], ...] = (
    ("百分之几|百分之多少|占多少|占比|比例|比重|几成", "百分之|[0-9]%|[一二三四五六七八九]成"),
    ("多少钱|多少元|几块钱|[罚交领补赔发]多少$", f"{_SOME}美?[元块]|百分之|[0-9]%|{_NUMBER}倍"),
    ("比分|几比几", "[0-9]{1,3}比[0-9]|[0-9]{3,6}"),  # 88∶77 has lost its mark
    ("多大年[龄纪]|多大岁数|几岁|多少岁", f"{_SOME}周?岁"),
    ("几点|什么钟点", f"{_NUMBER}[时点]"),
    ("多久|多长时间|几时能|多少时间", f"{_SOME}个?(?:工作日|年|月|天|日|小时|分钟|周|星期|季)|{_OFTEN}"),
    ("哪一?年|何年|几几年", "[0-9]{2,4}年|年代|[〇零一二三四五六七八九]{4}年"),
    ("什么时候|何时|哪一?天|哪一?日|几月|几号", f"{_NUMBER}[年月日号]|{_OFTEN}"),
)
"""How it is asked, and what then stands in a text whose marks (but %) and blanks are taken out (second_look)."""
_COUNTED = re.compile(r"(多少|几)[万亿千百十]?多?([\u4e00-\u9fff])")
_ELSE = re.compile("怎么|怎样|如何|什么|谁|哪|吗$|能不能|可不可以|是不是|要不要")
"""Who asks this says 几个月 of what is known: 老板压着几个月的钱不给怎么办."""
_NOT_COUNTED = frozenset("的了是呢吗吧啊才算能会要可几多")
_LOOKING = [(re.compile(asked), re.compile(answer)) for asked, answer in _LOOKS]
_ANY = re.compile(_NUMBER)


def expected(question: str) -> re.Pattern[str] | None:
    """What to look for in the texts that may answer the normalised `question`; None: it does not ask how many."""
    for asked, answer in _LOOKING:
        if asked.search(question):
            return answer
    counted = _COUNTED.search(question)
    if counted and counted.group(1) == "几" and _ELSE.search(question):
        return None
    if counted and counted.group(2) not in _NOT_COUNTED:
        return re.compile(f"{_SOME}{counted.group(2)}")
    return _ANY if "多少" in question else None
