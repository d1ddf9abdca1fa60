"""The organiser's part of the archive: who gets in, and which organisations may be chosen there."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from people.api import scope_of
from people.client_address import source_of
from people.models import Member, PartyOrganization
from people.querysets import Scope

__all__ = [
    "OrganizationField",
    "me",
    "member_chosen",
    "members_to_choose",
    "organisers_only",
    "source_of",
]

CHOICES = 40


def me(request: HttpRequest) -> Member:
    """Who asks, once she has signed in."""
    return cast(Member, request.user)


def organisers_only(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """`view(request, scope, …)`. Whoever organises nothing meets the same answer as at a missing page."""

    @never_cache
    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        scope = scope_of(me(request))
        if not scope:
            raise Http404
        return view(request, scope, *args, **kwargs)

    return guarded


def members_to_choose(scope: Scope, actor: Member, text: str) -> list[Member]:
    """Up to 40 members of the scope whom `text` may mean, by name, never `actor` herself; [] for a blank text."""
    if not text.strip():
        return []
    found = Member.objects.on_roster().within(scope).exclude(pk=actor.pk).matching(text)
    return list(found.select_related("organization").by_name()[:CHOICES])


def member_chosen(scope: Scope, actor: Member, number: str) -> Member | None:
    """The member of the scope with this uuid, or None: also for `actor` herself, and for what is no number."""
    try:
        wanted = UUID(number)
    except ValueError:
        return None
    found = Member.objects.on_roster().within(scope).exclude(pk=actor.pk)
    return found.select_related("organization").filter(uuid=wanted).first()


class OrganizationField(forms.ModelChoiceField):
    """A choice among the organisations of a scope, each a step further right than the one above it."""

    def __init__(self, scope: Scope, **kwargs: Any) -> None:
        kwargs = {"label": _("Organisation"), "to_field_name": "uuid", "empty_label": None} | kwargs
        super().__init__(PartyOrganization.objects.within(scope).order_by("path"), **kwargs)
        self.widget.attrs["class"] = "select"

    def label_from_instance(self, organization: Any) -> str:
        return f"{'　' * (organization.depth - 1)}{organization}"
