"""How people prove who they are: sign-in name or mobile number with a password, one-time at first."""

import re
from collections.abc import Callable
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone

from people.encryption import digest
from people.models import Member


def account_name(typed: str) -> str:
    """The sign-in name that was meant: a mobile number (blanks and hyphens do not matter) becomes its owner's.

    A number that nobody has becomes a digest, so that numbers are never kept in clear by the lock-out.
    """
    number = re.sub(r"[\s-]", "", typed)
    if not re.fullmatch(r"1\d{10}", number, flags=re.ASCII):
        return typed
    known = Member.objects.filter(phone_digest=digest(number)).values_list("username", flat=True).first()
    return known or f"number-{digest(number)[:16]}"


def counted_name(request: HttpRequest, credentials: dict | None) -> str:
    """Under which name django-axes counts a failed attempt: name and number of one person are one."""
    typed = (credentials or {}).get("username") or (request.POST.get("login", "") if request else "")
    return account_name(str(typed))


class UsernameOrPhoneBackend(ModelBackend):
    """Accepts the mobile number in the place of the sign-in name; members remember the number."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> Any:
        return super().authenticate(
            request, username=account_name(username or ""), password=password, **kwargs
        )

    def get_user(self, user_id: int) -> Member | None:
        """Who is signed in, with the organisation and whether an organiser's post is held today, in one query."""
        found = Member.objects.select_related("organization").with_desk(timezone.localdate())
        user = found.filter(pk=user_id).first()
        return user if self.user_can_authenticate(user) else None


class AccountAdapter(DefaultAccountAdapter):
    """Accounts come from the roster, never from a public sign-up form."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """As allauth finds it (ALLAUTH_TRUSTED_PROXY_COUNT). A request that passed fewer proxies than are trusted (a
        machine inside asks directly) is known by the address that it came from; allauth would answer with an error."""
        try:
            return str(super().get_client_ip(request))
        except ImproperlyConfigured:
            return str(request.META["REMOTE_ADDR"])


class TemporaryPasswordMiddleware:
    """Leads somebody with a one-time password to the page that replaces it, before any other page.

    Only requests for pages are led there; media and API calls carry tokens which pages hand out.
    """

    passed = frozenset({"account_change_password", "account_logout", "account_login"})

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable, args: list, kwargs: dict
    ) -> HttpResponseBase | None:
        if "text/html" not in request.headers.get("Accept", ""):
            return None
        match = request.resolver_match
        if match is not None and match.url_name in self.passed:
            return None
        if request.user.is_authenticated and request.user.password_is_temporary:
            return redirect("account_change_password")
        return None
