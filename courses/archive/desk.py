"""The organiser's part of the archive: who gets in, and which organisations may be chosen there."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from people.api import scope_of
from people.models import Member, PartyOrganization
from people.querysets import Scope

__all__ = ["OrganizationField", "me", "organisers_only"]


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


class OrganizationField(forms.ModelChoiceField):
    """A choice among the organisations of a scope, each a step further right than the one above it."""

    def __init__(self, scope: Scope, **kwargs: Any) -> None:
        kwargs = {"label": _("Organisation"), "to_field_name": "uuid", "empty_label": None} | kwargs
        super().__init__(PartyOrganization.objects.within(scope).order_by("path"), **kwargs)
        self.widget.attrs["class"] = "select"

    def label_from_instance(self, organization: Any) -> str:
        return f"{'　' * (organization.depth - 1)}{organization}"
