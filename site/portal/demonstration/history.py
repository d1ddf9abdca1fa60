"""A year of study for the people of the demonstration, written through the archive's own door.

`plan_year` is pure: it says which entries a member gets. `enter_year` writes them with
`archive.api.add_entry`, and real lessons are read and watched with `play`, `complete_reading` and
`record_beats` at moments in the past, so that the ledger and the strips are what real use would leave.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from courses.archive import api as archive
from courses.archive.models import StudyMode
from courses.catalogue.api import lesson_version
from courses.catalogue.models import Lesson, LessonVersion
from people.models import Member
from portal.demonstration.content.roster import TREE
from portal.demonstration.members import SEED, Person

__all__ = ["Item", "enter_year", "plan_year", "read_through", "watch"]

SHANGHAI = ZoneInfo("Asia/Shanghai")
MEETINGS = "组织生活记录导入（演示）"
EARLIER = "原学习平台迁入（演示）"
SCHOOL = "中共海棠县委党校（演示）"

DETAILED = "001.001.001.001"
"""The branch of the pictures, whose meetings are entered one by one; others hand in one line a quarter."""

THEMES = (
    "春节前走访慰问与形势学习",
    "学习党章：党员的义务和权利",
    "春季义务劳动与政策宣讲",
    "清明祭扫与革命传统学习",
    "学习纪律处分条例",
    "重温入党誓词",
    "防汛防台志愿服务与应急知识学习",
    "学习发展党员工作细则",
    "邻里互助日与居民议事",
    "国庆升旗与形势报告会",
    "学习基层治理案例",
    "冬季主题党日：冬天里的一件事",
)
LECTURES = (
    "党课：民主集中制与支部议事",
    "党课：把组织生活过实",
    "党课：守纪律、讲规矩",
    "党课：基层治理怎么做",
)
ONLINE = (
    "党章学习专题（4 课）",
    "党史上的今天系列（3 课）",
    "农村人居环境整治专题（4 课）",
    "基层治理现代化专题（4 课）",
    "安全生产与应急专题（2 课）",
    "乡村产业振兴专题（4 课）",
    "民法典与日常生活（3 课）",
    "网络安全与防诈骗（2 课）",
)


@dataclass(frozen=True)
class Item:
    """One entry to be written: what, how many hours, on which day."""

    mode: str
    title: str
    hours: Decimal
    on: date
    provider: str
    source: str
    evidence: str = ""


def plan_year(person: Person, today: date) -> list[Item]:
    """The year of one person so far, oldest first; always the same for the same person and day."""
    chance = random.Random(f"{SEED} {person.username} {today.year}")
    if person.part == "member":
        return _member_of_the_pictures(person, today)
    fixed = {
        "scenario-secretary": (28, 0, 14),
        "scenario-completed": (17, 8, 8),
        "scenario-under-way": (15, 0, 11),
        "scenario-at-risk": (11, 0, 7),
        "scenario-not-counted": (6, 0, 0),
        "scenario-exempt": (4, 0, 0),
    }
    if person.part in fixed:
        collective, central, online = map(Decimal, fixed[person.part])
        return _fill(person, today, chance, collective=collective, central=central, online=online)
    target = Decimal(56 if person.leader else 32)
    pace = target * min(today.timetuple().tm_yday, 365) / 365
    want = {
        "COMPLETED": max(pace, target if today.month > 8 else pace) * _share(chance, 102, 122),
        "IN_PROGRESS": min(pace * _share(chance, 84, 99), target * Decimal("0.97")),
        "AT_RISK": pace * _share(chance, 25, 74),
        "EXEMPT": Decimal(chance.choice((0, 0, 2, 4))),
        "NOT_STARTED": Decimal(0),
    }[person.profile]
    central = Decimal(0)
    if person.profile == "COMPLETED":
        central = Decimal(40 if person.leader else chance.choice((8, 16, 16, 24)))
    elif person.profile == "IN_PROGRESS":
        central = Decimal(chance.choice((16, 24, 0) if person.leader else (8, 8, 0)))
    central = min(central, want)
    most_online = Decimal(14 if person.leader else 11)
    online = min(most_online, (want - central) * _share(chance, 25, 45))
    return _fill(person, today, chance, collective=want - central - online, central=central, online=online)


def _share(chance: random.Random, low: int, high: int) -> Decimal:
    return Decimal(chance.randint(low, high)) / 100


def _half(hours: Decimal) -> Decimal:
    return (hours * 2).to_integral_value() / 2


def _fill(
    person: Person,
    today: date,
    chance: random.Random,
    *,
    collective: Decimal,
    central: Decimal,
    online: Decimal,
) -> list[Item]:
    items = list(_central(person, today, central))
    items += _collective(
        person, today, _half(collective + central - sum((i.hours for i in items), Decimal(0)))
    )
    items += _online(chance, today, _half(online))
    return sorted(items, key=lambda item: item.on)


def _central(person: Person, today: date, hours: Decimal) -> Iterable[Item]:
    year = today.year
    classes = (
        [
            (date(year, 3, 19), 24, "村（社区）班子成员任职培训班"),
            (date(year, 9, 11), 16, "基层党组织书记和班子成员培训班"),
        ]
        if person.leader
        else [
            (date(year, 5, 15), 16, "党员集中轮训班（第一期）"),
            (date(year, 6, 28), 8, "“七一”党员集中培训"),
        ]
    )
    floating = _character(person.code) == "FLOATING" and not person.leader
    left = hours
    for on, length, title in classes:
        if on < today and left >= length:
            left -= length
            mode = StudyMode.CENTRAL_ONLINE if floating else StudyMode.CENTRAL_OFFLINE
            yield Item(
                mode,
                title + ("（网上班）" if floating else ""),
                Decimal(length),
                on,
                SCHOOL,
                SCHOOL,
                "考勤表",
            )


def _collective(person: Person, today: date, hours: Decimal) -> Iterable[Item]:
    """Meetings of the branch at which the person was, until the hours are reached."""
    branch = next(node for node in TREE if node.code == person.code)
    day = 5 + sum(map(ord, person.code)) % 18
    held: list[tuple[date, str, Decimal]] = []
    for month in range(1, 13):
        held.append((date(today.year, month, day), f"主题党日：{THEMES[month - 1]}", Decimal(1)))
        if month % 3 == 0:
            held.append((date(today.year, month, min(day + 6, 28)), LECTURES[month // 3 - 1], Decimal(2)))
    held = [one for one in held if one[0] < today]
    if not held:
        return
    # Long evenings of study where the year needs more than the usual ones.
    longer = max(Decimal(1), (hours / sum((one[2] for one in held), Decimal(0)) * 2).to_integral_value() / 2)
    chance = random.Random(f"{person.username} meetings {today.year}")
    if person.code != DETAILED:
        held = _by_quarter(held, today)
    left = hours
    for on, title, usual in held if longer > 1 else sorted(held, key=lambda one: (chance.random(), one)):
        length = min(left, usual * longer)
        if length <= 0:
            return
        left -= length
        yield Item(StudyMode.COLLECTIVE, title, length, on, branch.name, MEETINGS, "会议记录")


def _by_quarter(held: list[tuple[date, str, Decimal]], today: date) -> list[tuple[date, str, Decimal]]:
    """The same meetings, one line a quarter, as branches hand in their records."""
    quarters: dict[int, list[tuple[date, str, Decimal]]] = {}
    for one in held:
        quarters.setdefault((one[0].month + 2) // 3, []).append(one)
    return [
        (
            ones[-1][0],
            f"{'一二三四'[quarter - 1]}季度集体学习（{len(ones)} 次）",
            sum((one[2] for one in ones), Decimal(0)),
        )
        for quarter, ones in quarters.items()
    ]


def _online(chance: random.Random, today: date, hours: Decimal) -> Iterable[Item]:
    titles = chance.sample(ONLINE, len(ONLINE))
    left = hours
    for title in titles:
        length = min(left, Decimal(2))
        if length <= 0:
            return
        left -= length
        first = date(today.year, 1, 1)
        on = first + timedelta(days=chance.randrange(max(1, (today - first).days)))
        yield Item(StudyMode.SELF_ONLINE, title, length, on, "省干部网络学院（演示）", EARLIER, "迁移清单")


def _character(code: str) -> str:
    return next(node.character for node in TREE if node.code == code)


def _member_of_the_pictures(person: Person, today: date) -> list[Item]:
    """8 central, 6 collective, 6.5 online; lessons on this site bring the rest to 21.5."""
    first = date(today.year, 1, 1)
    gone = max(1, (today - first).days)
    branch = "桂花社区第一党支部"
    met = [0.10, 0.22, 0.35, 0.50, 0.68, 0.90]
    items = [
        Item(
            StudyMode.COLLECTIVE,
            f"主题党日：{THEMES[(first + timedelta(days=int(gone * share))).month - 1]}",
            Decimal(1),
            first + timedelta(days=int(gone * share)),
            branch,
            MEETINGS,
            "会议记录",
        )
        for share in met
    ]
    items.append(
        Item(
            StudyMode.CENTRAL_OFFLINE,
            "“七一”党员集中培训",
            Decimal(8),
            first + timedelta(days=int(gone * 0.55)),
            SCHOOL,
            SCHOOL,
            "考勤表",
        )
    )
    for share, title, hours in ((0.15, 0, "2"), (0.30, 3, "2"), (0.45, 6, "1.5"), (0.60, 7, "1")):
        on = first + timedelta(days=int(gone * share))
        items.append(
            Item(
                StudyMode.SELF_ONLINE,
                ONLINE[title],
                Decimal(hours),
                on,
                "省干部网络学院（演示）",
                EARLIER,
                "迁移清单",
            )
        )
    return sorted(items, key=lambda item: item.on)


def enter_year(people: list[Person], today: date) -> int:
    """Write everybody's year; how many entries. Call it once, inside a transaction."""
    written = 0
    for person in people:
        if person.member is None or not person.opened:
            continue
        for number, item in enumerate(plan_year(person, today), start=1):
            evening = item.mode == StudyMode.SELF_ONLINE
            finished = moment(item.on, 20 if evening else 16, 30)
            hours = min(item.hours, Decimal(8))
            archive.add_entry(
                person.member,
                mode=item.mode,
                title=item.title,
                hours=item.hours,
                started_at=finished - timedelta(hours=float(hours)),
                finished_at=finished,
                provider=item.provider,
                evidence_type=item.evidence,
                evidence_id=f"演示-{item.on:%Y%m%d}-{person.username}-{number}",
                source_system=item.source,
                now=finished + timedelta(days=1),
            )
            written += 1
        if person.profile == "EXEMPT" or person.part == "scenario-exempt":
            archive.grant_exemption(
                person.member,
                year=today.year,
                reason="年老体弱，行动不便，由支部送学上门。（演示）",
                actor=None,
                now=moment(date(today.year, 1, 1), 9, 30) + timedelta(hours=1),
            )
    return written


def moment(day: date, hour: int, minute: int = 0) -> datetime:
    """A moment of that day in Shanghai."""
    return datetime.combine(day, time(hour, minute), tzinfo=SHANGHAI)


def read_through(member: Member, version: LessonVersion, *, at: datetime) -> None:
    """Open a reading lesson at `at`, read it for as long as it takes, and say so."""
    leave = archive.play(member, version, now=at)
    archive.complete_reading(leave.token, now=at + timedelta(seconds=leave.duration_s + 5))


def watch(member: Member, version: LessonVersion, *, at: datetime, played: Iterable[tuple[int, int]]) -> None:
    """Play the stretches `played` (seconds of the lesson) one after another from `at` on, as a player would."""
    leave = archive.play(member, version, now=at)
    clock = at
    beats: list[dict] = []
    for start, end in played:
        while start < end:
            stop = min(end, start + leave.beat_seconds)
            clock += timedelta(seconds=stop - start)
            beats.append(
                {
                    "seq": len(beats) + 1,
                    "intervals": [[start * 1000, stop * 1000]],
                    "position_ms": stop * 1000,
                    "rate": 1,
                    "visible": True,
                    "clock_ms": int(clock.timestamp() * 1000),
                    "flags": [],
                }
            )
            start = stop
    archive.record_beats(leave.token, beats, now=clock)


def version_of(lesson: Lesson | None) -> LessonVersion | None:
    """The version that can be studied now; None when the page is gone or not live."""
    return lesson_version(lesson) if lesson is not None and lesson.live else None
