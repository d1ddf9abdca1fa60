"""What must be configured for this room."""

from django.apps import apps
from django.conf import settings
from django.core.checks import Error, Warning, register

from people.apps import MemberAdminConfig


@register()
def field_keys_are_set(app_configs, **kwargs):
    """Encrypted fields need at least one key, and no key may be empty or short."""
    keys = getattr(settings, "FIELD_KEYS", [])
    if keys and all(len(key) >= 32 for key in keys):
        return []
    return [
        Error(
            "FIELD_KEYS holds no key or one shorter than 32 characters.",
            hint="Set FIELD_KEYS to one or more long random keys, comma-separated, newest first.",
            id="people.E001",
        )
    ]


@register()
def the_admin_knows_our_members(app_configs, **kwargs):
    """Wagtail's own user management asks for first names and e-mail addresses, which members lack."""
    if isinstance(apps.get_app_config("wagtailusers"), MemberAdminConfig):
        return []
    return [
        Error(
            "INSTALLED_APPS holds wagtail.users itself.",
            hint='Write "people.apps.MemberAdminConfig" in its place.',
            id="people.E002",
        )
    ]


@register(deploy=True)
def failed_sign_ins_are_counted(app_configs, **kwargs):
    """Without django-axes a password can be guessed without limit."""
    if getattr(settings, "AXES_ENABLED", True):
        return []
    return [Warning("AXES_ENABLED is off: failed sign-ins are not counted.", id="people.W001")]
