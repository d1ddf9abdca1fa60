"""How people prove who they are: sign-in name or mobile number with a password."""

import re

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib.auth.backends import ModelBackend

from people.encryption import digest
from people.models import Member


class UsernameOrPhoneBackend(ModelBackend):
    """Accepts the mobile number in the place of the sign-in name; members remember the number."""

    def authenticate(self, request, username=None, password=None, **kwargs):
        number = re.sub(r"[\s-]", "", username or "")
        if re.fullmatch(r"1\d{10}", number):
            known = (
                Member.objects.filter(phone_digest=digest(number)).values_list("username", flat=True).first()
            )
            username = known or username
        return super().authenticate(request, username=username, password=password, **kwargs)


class AccountAdapter(DefaultAccountAdapter):
    """Accounts come from the roster, never from a public sign-up form."""

    def is_open_for_signup(self, request) -> bool:
        return False
