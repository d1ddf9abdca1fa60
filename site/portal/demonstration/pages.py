"""Courses, lessons and policies as Wagtail pages, with covers and attachments.

Pages are found again by their slug below their parent and are never written twice: what an editor
changed stays changed.
"""

import html
from datetime import date, timedelta
from io import BytesIO

from django.core.files.base import ContentFile
from django.core.files.images import ImageFile
from PIL import Image as Picture
from PIL import ImageDraw
from wagtail.documents import get_document_model
from wagtail.documents.models import AbstractDocument
from wagtail.images import get_image_model
from wagtail.images.models import AbstractImage

from courses.catalogue.api import Tree
from courses.catalogue.models import Course, Lesson, Policy, PolicyAttachment
from media_pipeline.models import Asset
from people.models import Member, PartyOrganization
from portal.demonstration import drawing
from portal.demonstration.content.courses import COURSES, CourseText, LessonText
from portal.demonstration.content.policies import ISSUERS, POLICIES, PolicyText

__all__ = ["enter_courses", "enter_policies", "lesson_of", "publish_lecture", "rich"]


def rich(text: str) -> str:
    """Plain text (see content.courses) as the rich text of a Wagtail block."""
    done: list[str] = []
    for block in text.strip().split("\n\n"):
        items: list[tuple[str, str]] = []
        for line in block.splitlines():
            number, dot, rest = line.partition(". ")
            if line.startswith("## "):
                items.append(("h3", line[3:]))
            elif line.startswith("- "):
                items.append(("ul", line[2:]))
            elif dot and number.isdigit():
                items.append(("ol", rest))
            else:
                items.append(("p", line))
        while items:
            kind = items[0][0]
            run = []
            while items and items[0][0] == kind:
                run.append(html.escape(items.pop(0)[1], quote=False))
            if kind in {"ul", "ol"}:
                done.append(f"<{kind}>" + "".join(f"<li>{item}</li>" for item in run) + f"</{kind}>")
            else:
                done += [f"<{kind}>{item}</{kind}>" for item in run]
    return "".join(done)


def _keep_image(image: Picture.Image, title: str, name: str, by: Member) -> AbstractImage:
    kept = get_image_model().objects.filter(title=title).first()
    if kept is None:
        data = BytesIO()
        image.save(data, format="JPEG", quality=86)
        file = ImageFile(ContentFile(data.getvalue()), name=f"{name}.jpg")
        kept = get_image_model().objects.create(title=title, file=file, uploaded_by_user=by)
    return kept


def enter_courses(tree: Tree, pen: drawing.Pen, *, today: date, by: Member, reviewer: Member) -> None:
    """All courses with their lessons. Lessons with a lecture stay drafts until `publish_lecture`."""
    for text in COURSES:
        if Course.objects.child_of(tree.courses).filter(slug=text.slug).exists():
            continue
        course = _course(tree, text, pen, today, by, reviewer)
        for lesson_text in text.lessons:
            lesson = Lesson(
                title=lesson_text.title,
                slug=lesson_text.slug,
                summary=lesson_text.summary,
                due_on=_in(today, lesson_text.due_in_days),
                body=_lesson_body(lesson_text, None, ()),
                live=False,
                owner=by,
            )
            course.add_child(instance=lesson)
            revision = lesson.save_revision(user=by)
            if not lesson_text.lecture:
                revision.publish(user=reviewer)


def _course(
    tree: Tree, text: CourseText, pen: drawing.Pen, today: date, by: Member, reviewer: Member
) -> Course:
    head, _, tail = text.title.partition("：")
    picture = drawing.cover(pen, tail or head, head if tail else text.lecturer, text.colour)
    course = Course(
        title=text.title,
        slug=text.slug,
        intro=text.intro,
        cover=_keep_image(picture, f"封面 {text.title}", text.slug, by),
        category=text.category,
        required=text.required,
        due_on=_in(today, text.due_in_days),
        lecturer=text.lecturer,
        disclosure=text.disclosure,
        live=False,
        owner=by,
    )
    tree.courses.add_child(instance=course)
    course.opened_to = list(PartyOrganization.objects.filter(code__in=text.opened_to))
    course.save_revision(user=by).publish(user=reviewer)
    return course


def _lesson_body(text: LessonText, asset: Asset | None, credits: tuple[str, ...]) -> list[tuple[str, object]]:
    credit = "；".join(credits) if credits else "本片全部画面由平台绘制。"
    body: list[tuple[str, object]] = []
    if asset is not None:
        body.append(("lecture", {"asset": asset}))
    body.append(("text", rich(text.text.replace("{credits}", credit))))
    if text.quiz:
        body.append(("quiz", {"title": text.quiz, "note": "测验功能上线后开放，题目围绕本课内容。"}))
    return body


def lesson_of(text: LessonText) -> Lesson | None:
    """The page of a lesson text, draft or live; None when an editor took it away."""
    course = next(course for course in COURSES if text in course.lessons)
    page = Course.objects.filter(slug=course.slug).first()
    return Lesson.objects.child_of(page).filter(slug=text.slug).first() if page else None


def publish_lecture(
    text: LessonText, asset: Asset, *, credits: tuple[str, ...], by: Member, reviewer: Member
) -> Lesson | None:
    """Put the lecture into its lesson and publish it; a lesson that is live already is left alone."""
    lesson = lesson_of(text)
    if lesson is None or lesson.live:
        return lesson
    lesson = lesson.get_latest_revision_as_object()
    lesson.body = _lesson_body(text, asset, credits)
    lesson.take_lecture_from_body()
    lesson.save_revision(user=by).publish(user=reviewer)
    return lesson_of(text)


def _in(today: date, days: int | None) -> date | None:
    return None if days is None else today + timedelta(days=days)


def enter_policies(tree: Tree, pen: drawing.Pen, *, today: date, by: Member, reviewer: Member) -> None:
    """All policy pages with their attachments, oldest first."""
    for text in sorted(POLICIES, key=lambda one: -one.days_ago):
        if Policy.objects.child_of(tree.policies).filter(slug=text.slug).exists():
            continue
        _policy(tree, text, pen, today, by, reviewer)


def _policy(
    tree: Tree, text: PolicyText, pen: drawing.Pen, today: date, by: Member, reviewer: Member
) -> None:
    issued = today - timedelta(days=text.days_ago)
    years = {"year": issued.year}
    policy = Policy(
        title=text.title.format(**years),
        slug=text.slug,
        category=text.category,
        issuing_body=ISSUERS[text.issuer],
        document_number=text.number.format(**years),
        issued_on=issued,
        valid_from=_in(today, text.valid_from),
        valid_until=_in(today, text.valid_until),
        summary=text.summary,
        body=[("text", rich(text.text))],
        disclosure=text.disclosure,
        live=False,
        owner=by,
    )
    tree.policies.add_child(instance=policy)
    policy.opened_to = list(PartyOrganization.objects.filter(code__in=text.opened_to))
    if text.attachment:
        title, content = text.attachment
        policy.attachments = [
            PolicyAttachment(document=_document(pen, title, content, text.slug, by), title=title)
        ]
    policy.save_revision(user=by).publish(user=reviewer)


def _document(pen: drawing.Pen, title: str, content: str, name: str, by: Member) -> AbstractDocument:
    """One A4 page as PDF; plain text when there is no font to draw with."""
    if pen.font is None:
        file = ContentFile(content.encode("utf-8-sig"), name=f"{name}.txt")
    else:
        page = Picture.new("RGB", (1240, 1754), "#ffffff")
        draw = ImageDraw.Draw(page)
        y = 150
        for number, line in enumerate(content.splitlines()):
            y += pen.write(
                draw,
                (130, y),
                line,
                44 if number == 0 else 32,
                "#111111",
                600 if number == 0 else 400,
                width=980,
            )
            y += 24
        data = BytesIO()
        page.save(data, format="PDF", resolution=150, title=title, author=ISSUERS["county"])
        file = ContentFile(data.getvalue(), name=f"{name}.pdf")
    return get_document_model().objects.create(title=title, file=file, uploaded_by_user=by)
