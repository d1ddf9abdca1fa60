"""What the demonstration shows of exams, classes and claims: a paper, a class to conclude, two claims."""

from __future__ import annotations

import io
from datetime import date, timedelta
from decimal import Decimal

from PIL import Image, ImageDraw

from courses.archive import api as archive
from courses.archive.claims.api import Said
from courses.archive.claims.proofs import Proof, read_proof
from courses.archive.classes import api as classes
from courses.quizzes.models import Paper, Question, QuestionBank
from people.models import Member, PartyOrganization
from portal.demonstration.history import moment

__all__ = ["COMMITTEE", "enter_training", "write_exam"]

COMMITTEE = "001.001.001"
"""Which committee holds the class: that of the demonstration's organiser (content/roster.py)."""

SINGLES = (
    ("党的根本组织原则是什么？", "民主集中制", "首长负责制", "多数决定制"),
    ("党的最高理想和最终目标是什么？", "实现共产主义", "实现小康", "实现工业化"),
    ("预备党员的预备期为多长时间？", "一年", "半年", "两年"),
    ("党员交纳党费的依据是什么？", "党章和党费收缴规定", "本人意愿", "单位规定"),
    ("党支部党员大会一般多长时间召开一次？", "每季度", "每年", "每两年"),
    ("支部委员会会议一般多长时间召开一次？", "每月", "每季度", "每年"),
    ("党小组会一般多长时间召开一次？", "每月", "每半年", "每年"),
    ("党员教育管理工作条例要求党员每年集中学习培训不少于多少学时？", "32 学时", "16 学时", "64 学时"),
    ("党的基层组织设置的基本单位是什么？", "党支部", "党小组", "党总支"),
    ("有正式党员几人以上应当成立党的基层组织？", "三人", "五人", "七人"),
    ("党员有权在党的会议上做什么？", "有根据地批评党的任何组织和任何党员", "代替他人表决", "会后匿名表决"),
    ("党的纪律处分最重的一种是什么？", "开除党籍", "严重警告", "留党察看"),
)
MULTIS = (
    ("下列哪些属于“三会一课”？", ("党员大会", "支部委员会会议", "党课"), ("村民会议",)),
    ("党员享有哪些权利？", ("参加党的有关会议", "选举权和被选举权", "提出建议和倡议"), ("不交党费",)),
    ("主题党日可以开展哪些活动？", ("集体学习", "志愿服务", "过组织生活"), ("商业推广",)),
    ("党员教育的方式有哪些？", ("集中培训", "集体学习", "网络自学"), ("代学代考",)),
    ("对年老体弱的党员，可以怎样组织学习？", ("送学上门", "不作硬性要求"), ("一律强制集中",)),
    ("党员学习档案记录哪些内容？", ("参加的培训", "学时"), ("家庭住址", "人脸")),
)
JUDGES = (
    ("学时只能由本人自己修改。", False),
    ("线下参加的学习，经支部核实可以补录。", True),
    ("请假超过总学时七分之一的，不能结业。", True),
    ("学习时长可以作为排名的依据。", False),
    ("网络自学不方便的党员，可以参加支部的集体学习。", True),
    ("预备党员没有表决权、选举权和被选举权。", True),
)


def write_exam() -> Paper:
    """A bank and a paper by the usual figures, open to everybody."""
    bank = QuestionBank.objects.create(title="党章党规知识题库（演示）")
    rows = [
        Question(bank=bank, kind="SINGLE", text=text, options="\n".join([f"* {right}", *wrong]))
        for text, right, *wrong in SINGLES
    ]
    rows += [
        Question(
            bank=bank, kind="MULTI", text=text, options="\n".join([*(f"* {one}" for one in right), *wrong])
        )
        for text, right, wrong in MULTIS
    ]
    rows += [Question(bank=bank, kind="JUDGE", text=text, is_true=is_true) for text, is_true in JUDGES]
    for row in rows:
        row.full_clean()
    Question.objects.bulk_create(rows)
    return Paper.objects.create(
        title="党章党规知识测验", intro="演示用试卷。可以随时离开，再回来继续作答。", bank=bank, live=True
    )


def enter_training(
    member: Member, secretary: Member, organiser: Member, committee: PartyOrganization, today: date
) -> None:
    """A class that has just ended and waits for its conclusion, and two claims: one waits, one was returned."""
    last = max(today - timedelta(days=3), date(today.year, 1, 1))
    first = max(last - timedelta(days=1), date(today.year, 1, 1))
    begun = moment(first, 8)
    course = classes.open_class(
        committee,
        actor=organiser,
        title=f"{today.year}年党务骨干轮训班（演示）",
        mode="CENTRAL_OFFLINE",
        starts_on=first,
        ends_on=last,
        now=begun,
    )
    sessions = [
        classes.add_session(course, actor=organiser, title=title, held_on=day, hours=Decimal(hours))
        for title, day, hours in (
            ("开班和党章专题", first, 4),
            ("支部工作实务", first, 3),
            ("分组研讨", last, 4),
            ("现场教学", last, 3),
        )
    ]
    classes.enter(course, [member, secretary], actor=organiser, now=begun)
    places = {place.member_id: place.pk for place in course.roster.all()}
    for number, session in enumerate(sessions):
        said = {places[member.pk]: "PRESENT", places[secretary.pk]: "LEAVE" if number == 1 else "PRESENT"}
        classes.mark_attendance(session, said, actor=organiser, now=moment(session.held_on, 18))
    day = max(today - timedelta(days=9), date(today.year, 1, 1))
    said = Said(
        mode="COLLECTIVE",
        title="县图书馆党史专题讲座",
        started_on=day,
        finished_on=day,
        hours=Decimal(2),
        provider="海棠县图书馆（演示）",
        note="下午两点到四点，有签到。",
    )
    returned = archive.file_claim(member, said, [_proof("签到表")], now=moment(day, 20))
    archive.return_claim(
        returned,
        actor=secretary,
        reason="照片里看不清签到人的姓名，请重新拍一张。",
        filing=1,
        now=moment(day, 21),
    )
    again = Said(**(vars(said) | {"title": "社区法治讲座", "provider": "海棠县司法局（演示）", "note": ""}))
    archive.file_claim(member, again, [_proof("听课证")], now=moment(day, 20, 30))


def _proof(name: str) -> Proof:
    """A picture in the place of a photograph."""
    picture = Image.new("RGB", (800, 560), "#faf7f3")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((40, 40, 760, 520), outline="#b5161d", width=4)
    for row in range(6):
        draw.line((80, 140 + row * 60, 720, 140 + row * 60), fill="#d6cdc4", width=2)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return read_proof(f"{name}.png", out.getvalue())
