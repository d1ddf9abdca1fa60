"""Makers of test data; each room adds its own below its heading."""

from datetime import date

import factory
from django.utils import timezone

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
