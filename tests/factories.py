"""Makers of test data; each room adds its own below its heading."""

import json
from datetime import date

import factory
from django.utils import timezone

from courses.catalogue.setup import ensure_tree
from people.models import Member, MemberStatus, OrganizationType, PartyOrganization, Post, PostRole

# people


class PartyOrganizationFactory(factory.django.DjangoModelFactory):
    """`PartyOrganizationFactory(parent=above, code="001.002")`; without a parent a root."""

    class Meta:
        model = PartyOrganization

    code = factory.Sequence(lambda n: f"{n + 1:03}")
    name = factory.LazyAttribute(lambda o: f"第{o.code}党支部")
    type = OrganizationType.BRANCH

    @classmethod
    def _create(cls, model_class, *args, parent=None, **kwargs):
        if parent is None:
            return model_class.add_root(instance=model_class(**kwargs))
        return model_class.objects.get(pk=parent.pk).add_child(instance=model_class(**kwargs))


class MemberFactory(factory.django.DjangoModelFactory):
    """A full member whose account is open, password `study-2026`; `closed=True` leaves it unopened."""

    class Meta:
        model = Member

    class Params:
        closed = factory.Trait(activated_at=None)

    username = factory.Sequence(lambda n: f"member{n}")
    name = factory.Sequence(lambda n: f"张{'一二三四五六七八九十'[n % 10]}")
    status = MemberStatus.FULL
    organization = factory.SubFactory(PartyOrganizationFactory)
    joined_on = date(2010, 7, 1)
    activated_at = factory.LazyFunction(timezone.now)

    @classmethod
    def _create(cls, model_class, *args, password="study-2026", **kwargs):
        member = model_class(**kwargs)
        member.set_password(password)
        member.save()
        return member


class AdministratorFactory(MemberFactory):
    username = factory.Sequence(lambda n: f"admin{n}")
    status = MemberStatus.STAFF
    organization = None
    is_superuser = True


class PostFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Post

    member = factory.SubFactory(MemberFactory)
    organization = factory.SelfAttribute("member.organization")
    role = PostRole.ORGANIZER
    started_on = date(2020, 1, 1)


# courses.catalogue


class PlayableAssetFactory(factory.django.DjangoModelFactory):
    """A lecture that says it can be played (no files are behind it); `raw=True`: still being transcoded."""

    class Meta:
        model = "media_pipeline.Asset"

    class Params:
        raw = factory.Trait(state="TRANSCODING", folder="", ready_at=None)

    title = factory.Sequence(lambda n: f"录课{n}")
    original_name = factory.LazyAttribute(lambda o: f"{o.title}.mp4")
    size_bytes = 412_000_000
    state = "READY"
    duration_s = 2712.4
    width = 1280
    height = 720
    folder = factory.LazyAttribute(lambda o: f"sets/{o.title}")
    ready_at = factory.LazyFunction(timezone.now)
    contents = factory.LazyAttribute(
        lambda o: {
            "duration_s": o.duration_s,
            "projection": "FLAT",
            "stereo": "MONO",
            "picture": bool(o.width),
            "sound": True,
            "renditions": [],
        }
    )


class _PageFactory(factory.django.DjangoModelFactory):
    """`live=False` leaves a draft; otherwise the page is published by its revision, as an editor would."""

    class Meta:
        abstract = True

    @classmethod
    def _create(cls, model_class, *args, parent=None, live=True, opened_to=(), **kwargs):
        page = model_class(live=False, **kwargs)
        if opened_to:
            page.opened_to = list(opened_to)
        cls.parent_of(parent).add_child(instance=page)
        revision = page.save_revision()
        if live:
            revision.publish()
        return model_class.objects.get(pk=page.pk)


class CourseFactory(_PageFactory):
    class Meta:
        model = "courses.Course"

    title = factory.Sequence(lambda n: f"党章学习第{n}讲堂")
    intro = "系统学习党章的主要内容。"

    @classmethod
    def parent_of(cls, parent):
        return parent or ensure_tree().courses


class LessonFactory(_PageFactory):
    """`lecture=asset` puts the asset into the body; without it the lesson is a text to read."""

    class Meta:
        model = "courses.Lesson"

    title = factory.Sequence(lambda n: f"第{n}课 民主集中制")

    @classmethod
    def _create(
        cls, model_class, *args, lecture=None, text="<p>民主集中制是党的根本组织原则。</p>", **kwargs
    ):
        body = [{"type": "text", "value": text}] if text else []
        if lecture is not None:
            body.append({"type": "lecture", "value": {"asset": lecture.pk}})
        kwargs.setdefault("body", json.dumps(body))
        return super()._create(model_class, *args, **kwargs)

    @classmethod
    def parent_of(cls, parent):
        return parent.__class__.objects.get(pk=parent.pk) if parent else CourseFactory()


class PolicyFactory(_PageFactory):
    class Meta:
        model = "courses.Policy"

    title = factory.Sequence(lambda n: f"海棠县党员学习办法（{n}）")
    issuing_body = "中共海棠县委组织部"
    document_number = "海组发〔2026〕3号"
    issued_on = date(2026, 3, 1)

    @classmethod
    def parent_of(cls, parent):
        return parent or ensure_tree().policies
