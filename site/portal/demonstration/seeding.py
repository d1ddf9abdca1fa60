"""The order in which the demonstration is built, each step once.

A step that is done leaves a line in the audit trail («demonstration.seeded»), in the same transaction;
a step that has its line is never done again, so that what people change or remove stays so.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from courses.catalogue.api import ensure_editors, ensure_tree
from courses.catalogue.models import Policy
from media_pipeline import api as media
from media_pipeline.engine import engine
from media_pipeline.models import Asset, AssetState
from people.api import notify, notify_all, record
from people.models import AuditEntry, Member, OrganizationType, PartyOrganization
from portal.demonstration import accounts, drawing, history, lectures, members, pages, training
from portal.demonstration.content.courses import COURSES, LessonText
from portal.demonstration.content.lectures import LECTURES, Lecture
from portal.demonstration.content.policies import POLICIES
from portal.models import SiteFrame

__all__ = ["Seeding"]

DONE = "demonstration.seeded"
OFFICES = (OrganizationType.COMMITTEE, OrganizationType.GRASSROOTS_COMMITTEE, OrganizationType.GENERAL_BRANCH)


@dataclass
class Seeding:
    """One run. `data_dir` holds the account file and demo-sources; `say` shows progress to the operator."""

    data_dir: Path
    url: str
    say: Callable[..., None]
    now: datetime = field(default_factory=timezone.now)

    def __post_init__(self) -> None:
        self.today: date = timezone.localdate(self.now)
        self.done: set[str] = set(
            AuditEntry.objects.filter(action=DONE).values_list("detail__step", flat=True)
        )
        self.studio: lectures.Studio | None = None
        self.with_media = True

    def run(self, *, with_media: bool = True) -> None:
        """Build whatever is missing; with everything there it asks a handful of queries and ends."""
        self.with_media = with_media
        todo = {"roster", "frame", "policies", "courses", "history", "notices", "training"} - self.done
        if todo:
            ensure_editors()
        with self._step("roster") as wanted:
            if wanted:
                self._roster()
        for name, work in (
            ("frame", self._frame),
            ("policies", self._policies),
            ("courses", self._courses),
            ("history", self._history),
            ("notices", self._notices),
            ("training", self._training),
        ):
            with self._step(name) as wanted:
                if wanted:
                    work()
        if with_media:
            self._lectures()
        path, just_made = self.data_dir / "demo-accounts.json", "roster" in todo
        if not path.exists() and accounts.write_file(
            path, self._accounts(), url=self.url, fresh_accounts=just_made
        ):
            self.say(f"  演示账号写在 {path}")

    @contextmanager
    def _step(self, name: str) -> Iterator[bool]:
        if name in self.done:
            yield False
            return
        began = time.monotonic()
        with transaction.atomic():
            yield True
            record(None, DONE, detail={"step": name}, source="seed", at=self.now)
        self.done.add(name)
        self.say(f"  ✓ {STEPS.get(name, name)}（{time.monotonic() - began:.1f} 秒）")

    # The steps

    def _staff(self) -> dict[str, Member]:
        return accounts.make_staff()

    def _editors(self) -> dict[str, Member]:
        """The editor writes, the reviewer publishes."""
        staff = self._staff()
        return {"by": staff["editor"], "reviewer": staff["reviewer"]}

    def _roster(self) -> None:
        self._staff()
        people = members.plan(self.today)
        members.enter(people, opened_at=history.moment(date(self.today.year, 1, 4), 9))
        for person in people:
            if person.part in SIGN_INS and person.member:
                accounts.open_for_trying(person.member)

    def _frame(self) -> None:
        """The words of every page's frame, and office telephones, so that 找人帮忙 leads to somebody."""
        frame = SiteFrame.load()
        frame.wordmark = "海棠网上党校"
        frame.headline = "把党课带在身边，学过的每一分钟都算数"
        frame.search_hints = "民主评议 党费 三会一课 四个服从"
        frame.host_organization = "中共海棠县委组织部（演示）"
        frame.help_telephone = "0000-6688100"
        frame.save()
        offices = PartyOrganization.objects.filter(type__in=OFFICES, contact_phone="")
        for number, organization in enumerate(offices):
            organization.contact_phone = f"0000-66881{number + 1:02}"
            organization.save(update_fields=["contact_phone"])

    def _people(self) -> list[members.Person]:
        """The plan with its members as they are now; who was removed from the roster is left out."""
        people = members.plan(self.today)
        found = Member.objects.select_related("organization").in_bulk(
            [person.username for person in people], field_name="username"
        )
        for person in people:
            person.member = found.get(person.username)
        return [person for person in people if person.member is not None]

    def _accounts(self) -> dict[str, Member]:
        names = {person.part: person.username for person in members.plan(self.today)}
        found: dict[str, Member] = {}
        for part, role in SIGN_INS.items():
            member = Member.objects.filter(username=names[part]).first()
            if member:
                found[role] = member
        for one in accounts.STAFF:
            member = Member.objects.filter(username=one.username).first()
            if member:
                found[one.role] = member
        order = ["member", "editor", "organiser", "administrator", "reviewer", "elder", "secretary"]
        return {role: found[role] for role in order if role in found}

    def _open_studio(self) -> lectures.Studio:
        if self.studio is None:
            self.studio = lectures.open_studio(self.data_dir / "demo-sources", engine().ffmpeg, self.say)
        return self.studio

    def _pen(self) -> drawing.Pen:
        """What covers are drawn with; without lectures a font of the system will do, and nothing is fetched."""
        font = None if self.with_media else drawing.find_font(None)
        return drawing.Pen(font) if font else self._open_studio().pen

    def _policies(self) -> None:
        pages.enter_policies(ensure_tree(), self._open_studio().pen, today=self.today, **self._editors())

    def _courses(self) -> None:
        pages.enter_courses(ensure_tree(), self._open_studio().pen, today=self.today, **self._editors())

    def _history(self) -> None:
        people = self._people()
        history.enter_year(people, self.today)
        yesterday = self.today - timedelta(days=1)
        for number, (reader, slug) in enumerate(self._readers(people)):
            version = history.version_of(pages.lesson_of(_lesson(slug)))
            if version and reader.member:
                # Before anything that is watched: sessions of one member are written in their order.
                day = yesterday - timedelta(days=6 - number if number < 3 else 15 + number % 40)
                history.read_through(reader.member, version, at=history.moment(day, 19, number % 50))

    def _readers(self, people: list[members.Person]) -> list[tuple[members.Person, str]]:
        """Who has read what on this site: the member of the pictures three lessons, some others one or two."""
        chosen = next(person for person in people if person.part == "member")
        pairs = [(chosen, slug) for slug in ("yiwu-he-quanli", "huiyi-jilu", "zuzhi-shenghuohui")]
        able = [p for p in people if p.opened and not p.part and p.profile in {"COMPLETED", "IN_PROGRESS"}]
        slugs = (
            "yiwu-he-quanli",
            "congqing-jianqing-congzhong",
            "huiyi-jilu",
            "dangfei-zenme-jiao",
            "loudao-yishi",
        )
        pairs += [(person, slugs[number % len(slugs)]) for number, person in enumerate(able[::5])]
        return pairs

    def _notices(self) -> None:
        people = self._people()
        for text in sorted(POLICIES, key=lambda one: -one.days_ago):
            if text.days_ago > 30 or text.opened_to:
                continue
            page = Policy.objects.live().filter(slug=text.slug).first()
            if page:
                title, key = page.title, f"demonstration:{text.slug}"
                told = [person.member for person in people if person.opened and person.member]
                notify_all(
                    told, kind="news", title=title, text=text.summary, link=page.url or "", dedupe_key=key
                )
        chosen = next((p.member for p in people if p.part == "member"), None)
        if chosen:
            notify(
                chosen,
                kind="reminder",
                title="年度学时还差一些，年底前补上就行",
                text="待学的三项都有截止日期，先从快到期的一项开始。不方便上网的，可以到支部参加集体学习。",
                link="/study/",
                dedupe_key=f"demonstration:reminder:{self.today.year}",
            )

    def _training(self) -> None:
        training.write_exam()
        of = {one.part: one.member for one in self._people() if one.member}
        committee = PartyOrganization.objects.get(code=training.COMMITTEE)
        training.enter_training(
            of["member"], of["scenario-secretary"], of["organiser"], committee, self.today
        )

    # Lectures: made, transcoded by the pipeline, published, and studied by some

    def _lectures(self) -> None:
        waiting = [one for one in LECTURES if f"lecture:{one.key}" not in self.done]
        if waiting:
            studio = self._open_studio()
            for number, lecture in enumerate(waiting, start=1):
                self.say(f"  授课视频 {number}/{len(waiting)}：{lecture.title}")
                self._lecture(studio, lecture)
        if {f"lecture:{one.key}" for one in LECTURES} <= self.done:
            with self._step("watching") as wanted:
                if wanted:
                    self._watching()

    def _lecture(self, studio: lectures.Studio, lecture: Lecture) -> None:
        try:
            made = studio.make(lecture)
        except (lectures.LectureNotMade, OSError) as error:
            self.say(f"    没有做成：{error}")
            return
        editor = self._staff()["editor"]
        asset = (
            Asset.objects.filter(original_name=made.path.name)
            .exclude(state__in=[AssetState.REFUSED, AssetState.FAILED])
            .first()
        )
        if asset is None:
            asset = media.ingest_file(
                made.path, title=lecture.title, uploaded_by=editor, projection=made.projection, enqueue=False
            )
        media.set_captions(asset, vtt=made.vtt)
        asset = media.work_off(asset, on_progress=self._progress)
        if asset.state != AssetState.READY:
            self.say(f"    没有转码成功：{media.why_not_playable(asset)}")
            return
        with self._step(f"lecture:{lecture.key}") as wanted:
            if wanted:
                text = next(t for course in COURSES for t in course.lessons if t.lecture == lecture.key)
                pages.publish_lecture(text, asset, credits=made.credits, **self._editors())

    def _progress(self, status: media.AssetStatus) -> None:
        self.say(f"    {status.state_label} {status.progress:.0%}", end="\r" if not status.final else "\n")

    def _watching(self) -> None:
        """Lectures that people of the roster have watched, and two that were left in the middle."""
        people = self._people()
        yesterday = self.today - timedelta(days=1)
        versions = {
            text.lecture: history.version_of(pages.lesson_of(text))
            for course in COURSES
            for text in course.lessons
            if text.lecture
        }
        first, second = versions[LECTURES[0].key], versions[LECTURES[1].key]
        by_part = {person.part: person.member for person in people if person.part}
        chosen, jumper = by_part.get("member"), by_part.get("scenario-not-counted")
        third = versions.get("sanhui-yike")
        if chosen and third:
            at = history.moment(yesterday - timedelta(days=2), 20, 15)
            history.watch(chosen, third, at=at, played=[(0, third.duration_s)])
        if second:
            for member in filter(None, (chosen, jumper)):
                at = history.moment(yesterday - timedelta(days=1), 12, 40)
                history.watch(member, second, at=at, played=[(0, 18), (34, 50)])
        if chosen and first:
            half = first.duration_s // 2
            history.watch(chosen, first, at=history.moment(yesterday, 20, 20), played=[(0, half)])
        able = [p for p in people if p.opened and not p.part and p.profile == "COMPLETED"][::6]
        keys = [key for key in versions if key != "wei-dangke"]
        for number, person in enumerate(able):
            version = versions[keys[number % len(keys)]]
            if version and person.member:
                day = yesterday - timedelta(days=2 + number % 12)
                at = history.moment(day, 18 + number % 4, number % 60)
                history.watch(person.member, version, at=at, played=[(0, version.duration_s)])


STEPS = {
    "frame": "站点名称与办公电话",
    "roster": "组织与党员",
    "policies": "政策文件",
    "courses": "课程与课时",
    "history": "学习档案",
    "notices": "通知",
    "training": "考试、培训班和补录",
    "watching": "观看记录",
}

SIGN_INS = {
    "member": "member",
    "organiser": "organiser",
    "elder": "elder",
    "scenario-secretary": "secretary",
}
"""Parts of the roster that can be signed in as, and under which name in demo-accounts.json."""


def _lesson(slug: str) -> LessonText:
    return next(text for course in COURSES for text in course.lessons if text.slug == slug)
