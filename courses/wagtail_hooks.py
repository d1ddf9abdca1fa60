"""The door of the Wagtail admin: menu entries, the chooser, 授课视频, who may delete."""

from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail import hooks
from wagtail.admin import messages
from wagtail.admin.menu import MenuItem
from wagtail.models import Page

from courses.catalogue.chooser import asset_chooser
from courses.catalogue.lectures import LectureViewSet
from courses.catalogue.models import CourseIndexPage, LessonVersion, PolicyIndexPage


@hooks.register("register_admin_viewset")
def viewsets():
    return [asset_chooser, LectureViewSet("lectures")]


class PagesMenuItem(MenuItem):
    """A way straight to the pages below one index, for those who may work there."""

    def __init__(self, model, label, **kwargs):
        self.model = model
        super().__init__(label, "", **kwargs)

    def index(self):
        return self.model.objects.first()

    def is_shown(self, request):
        page = self.index()
        return page is not None and page.permissions_for_user(request.user).can_add_subpage()

    def is_active(self, request):
        return request.path == self.address()

    def address(self):
        return reverse("wagtailadmin_explore", args=[self.index().pk])

    def render_component(self, request):
        self.url = self.address()
        return super().render_component(request)


@hooks.register("register_admin_menu_item")
def courses_menu():
    return PagesMenuItem(
        CourseIndexPage, gettext_lazy("Courses"), name="courses", icon_name="folder-open-inverse", order=210
    )


@hooks.register("register_admin_menu_item")
def policies_menu():
    return PagesMenuItem(
        PolicyIndexPage, gettext_lazy("Policies"), name="policies", icon_name="doc-full-inverse", order=220
    )


@hooks.register("insert_global_admin_css")
def panel_styles():
    return format_html('<link rel="stylesheet" href="{}">', static("built/admin.css"))


@hooks.register("insert_global_admin_js")
def panel_behaviour():
    return format_html('<script type="module" src="{}"></script>', static("built/admin.js"))


def _studied(pages) -> bool:
    below = Page.objects.none()
    for page in pages:
        below = below | Page.objects.descendant_of(page, inclusive=True)
    return LessonVersion.objects.filter(lesson__in=below.values("pk")).exists()


def _keep_what_was_studied(request, pages):
    """A lesson that was ever published may stand in somebody's learning archive: withdraw, not delete."""
    if not _studied(pages):
        return False
    messages.error(
        request,
        _(
            "A lesson that has been published cannot be deleted, because members' study records refer to it. "
            "You can unpublish it; then nobody sees it any more."
        ),
    )
    return True


@hooks.register("before_delete_page")
def before_delete_page(request, page):
    if _keep_what_was_studied(request, [page]):
        return redirect("wagtailadmin_pages:edit", page.pk)
    return None


@hooks.register("before_bulk_action")
def before_bulk_action(request, action_type, objects, action):
    if (
        action_type == "delete"
        and objects
        and isinstance(objects[0], Page)
        and _keep_what_was_studied(request, objects)
    ):
        return redirect("wagtailadmin_explore", objects[0].get_parent().pk)
    return None
