"""The door of the Wagtail admin: menu entries, the chooser, 授课视频, who may delete."""

from django.http import Http404
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from wagtail import hooks
from wagtail.admin import messages
from wagtail.admin.views.pages.search import SearchView
from wagtail.models import Page
from wagtail.snippets.models import register_snippet

from courses.catalogue.attachments import may_read
from courses.catalogue.chooser import asset_chooser
from courses.catalogue.lectures import LectureViewSet
from courses.catalogue.listings import course_listing, policy_listing
from courses.catalogue.models import CourseIndexPage, LessonVersion, PolicyIndexPage
from courses.quizzes.admin import ExamGroup

# Wagtail's search of pages does not say what it counts, and so counted «3 None».
SearchView.verbose_name = Page._meta.verbose_name
SearchView.verbose_name_plural = Page._meta.verbose_name_plural


@hooks.register("register_admin_viewset")
def viewsets():
    return [course_listing, policy_listing, asset_chooser, LectureViewSet("lectures")]


@hooks.register("construct_main_menu")
def quieter_menu(request, items):
    """Wagtail's help leads to English pages abroad; its word for pages is a verb in Chinese."""
    items[:] = [item for item in items if item.name != "help"]
    for item in items:
        if item.name == "explorer":
            item.label = _("All pages")


@hooks.register("insert_global_admin_css")
def panel_styles():
    return format_html('<link rel="stylesheet" href="{}">', static("built/admin.css"))


@hooks.register("insert_global_admin_js")
def panel_behaviour():
    return format_html('<script type="module" src="{}"></script>', static("built/admin.js"))


@hooks.register("search_report_ways")
def what_may_be_written(request):
    """Beside what was looked for in vain: where somebody writes it (search.sought.admin)."""
    ways = ((_("Write a policy page"), PolicyIndexPage), (_("Make a course"), CourseIndexPage))
    return [
        (label, reverse("wagtailadmin_pages:add_subpage", args=[index.pk]))
        for label, model in ways
        if (index := model.objects.first()) and index.permissions_for_user(request.user).can_add_subpage()
    ]


@hooks.register("before_serve_document")
def follow_the_page(document, request):
    """An attachment is as open as the pages that it hangs on; a refusal looks like an absence."""
    if not may_read(document, request.user):
        raise Http404


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


register_snippet(ExamGroup)
