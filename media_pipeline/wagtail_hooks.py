"""Where this room hangs in the Wagtail admin: the operators' board and its permissions."""

from django.contrib.auth.models import Permission
from wagtail import hooks

from media_pipeline import operators


@hooks.register("register_admin_urls")
def board_addresses():
    return operators.urlpatterns


@hooks.register("register_admin_menu_item")
def board_in_the_menu():
    return operators.menu_item()


@hooks.register("register_permissions")
def board_permissions():
    return Permission.objects.filter(
        content_type__app_label="media_pipeline", codename__in=["view_job", "change_job"]
    )
