"""互动课件 in the editors' admin: import a package, link it to a lesson, say its length, replace or withdraw it.

Importing lets foreign code run in members' browsers (in a sandbox), so the right is given by an administrator.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST
from wagtail.admin import messages
from wagtail.admin.forms import WagtailAdminModelForm
from wagtail.admin.ui.tables import Column, DateColumn, TitleColumn
from wagtail.admin.views import generic
from wagtail.admin.viewsets.model import ModelViewSet
from wagtail.admin.widgets import AdminPageChooser
from wagtail.permission_policies import ModelPermissionPolicy

from courses.archive.cmi5 import launching, replacing
from courses.archive.cmi5.errors import Cmi5Error
from courses.archive.cmi5.models import Cmi5Course
from courses.archive.cmi5.move_on import asks_for_something
from courses.archive.cmi5.packages import open_package
from courses.archive.cmi5.structure import say
from courses.archive.cmi5.wording import worded
from courses.catalogue.models import Lesson, LessonKind
from people.api import record

__all__ = ["Cmi5CourseViewSet"]


class WithdrawnNotDeleted(ModelPermissionPolicy):
    """What members studied refers to the course: it is withdrawn, by a button of its own."""

    def user_has_permission(self, user: Any, action: str) -> bool:
        return action != "delete" and super().user_has_permission(user, action)


class PackageField(forms.FileField):
    """A cmi5 package that could be imported."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            label=gettext_lazy("Course package"),
            help_text=gettext_lazy("A cmi5 package (zip). SCORM packages cannot be imported."),
            **kwargs,
        )

    def clean(self, data: Any, initial: Any = None) -> Any:
        chosen = super().clean(data, initial)
        try:
            open_package(chosen.file)
        except Cmi5Error as refused:
            raise ValidationError(worded(refused)["message"]) from refused
        return chosen


class PackageForm(forms.Form):
    """The package that takes the place of another."""

    package = PackageField()


class ImportForm(forms.ModelForm):
    """One file; everything else is read from it."""

    package = PackageField()

    class Meta:
        model = Cmi5Course
        fields: list[str] = []

    def __init__(self, *args: Any, for_user: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.for_user = for_user

    def save(self, commit: bool = True) -> Cmi5Course:
        self.instance = launching.import_course(self.cleaned_data["package"].file, by=self.for_user)
        return self.instance


class CourseForm(WagtailAdminModelForm):
    """What the school says about a package: its title here, the lesson, the length that hours are reckoned from."""

    minutes = forms.IntegerField(
        label=gettext_lazy("Published length in minutes"),
        min_value=1,
        max_value=6000,
        required=False,
        help_text=gettext_lazy(
            "Study hours are reckoned from it when the whole course is completed. Empty: the course brings no hours."
        ),
    )

    class Meta:
        model = Cmi5Course
        fields = ["title", "lesson"]
        labels = {"lesson": gettext_lazy("Lesson")}
        widgets = {"lesson": AdminPageChooser(target_models=[Lesson])}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        length = self.instance.published_duration_s
        self.fields["minutes"].initial = length // 60 if length else None
        self.before = (length, self.instance.lesson_id)

    def clean_lesson(self) -> Any:
        lesson = self.cleaned_data["lesson"]
        others = Cmi5Course.objects.in_use().exclude(pk=self.instance.pk)
        if lesson is not None and others.filter(lesson=lesson).exists():
            raise ValidationError(
                _("Another interactive course hangs on this lesson already. Withdraw that one first.")
            )
        return lesson

    def save(self, commit: bool = True) -> Cmi5Course:
        minutes = self.cleaned_data["minutes"]
        self.instance.published_duration_s = minutes * 60 if minutes else None
        return super().save(commit=commit)


class CourseIndexView(generic.IndexView):
    default_ordering = "-imported_at"
    page_title = gettext_lazy("Interactive courses")


class CourseCreateView(generic.CreateView):
    def form_valid(self, form: ImportForm) -> HttpResponse:
        try:
            return super().form_valid(form)
        except Cmi5Error as refused:
            form.add_error("package", worded(refused)["message"])
            self.produced_error_message = self.get_error_message()
            return self.form_invalid(form)

    def save_instance(self) -> Cmi5Course:
        return self.form.save()

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"for_user": self.request.user}

    def get_success_url(self) -> str:
        return reverse("cmi5_courses:edit", args=[self.object.pk])


class CourseEditView(generic.EditView):
    def save_instance(self) -> Cmi5Course:
        with transaction.atomic():
            course = super().save_instance()
            after = (course.published_duration_s, course.lesson_id)
            if after != self.form.before:
                record(
                    self.request.user,
                    "cmi5.course_changed",
                    course,
                    detail={"before": list(self.form.before), "after": list(after)},
                    source="admin",
                )
        return course

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        tree = self.object.tree
        context["rows"] = [
            {"depth": depth, "title": say(node.title), "index": getattr(node, "url", None) and node.index}
            for depth, node in tree.walk()
        ]
        context["concerned"] = replacing.concerned(self.object)
        context["asks_for_nothing"] = not asks_for_something(tree)
        context["footage"] = self.object.lesson is not None and self.object.lesson.kind != LessonKind.READING
        context["replaced_by"] = self.object.replaced_by.first()
        return context


class Cmi5CourseViewSet(ModelViewSet):
    model = Cmi5Course
    icon = "code"
    menu_label = gettext_lazy("Interactive courses")
    menu_order = 235
    add_to_admin_menu = True
    list_per_page = 30
    search_fields = ["title"]
    search_backend_name = None
    index_view_class = CourseIndexView
    add_view_class = CourseCreateView
    edit_view_class = CourseEditView
    edit_template_name = "archive_admin/cmi5_course.html"
    list_display = [
        TitleColumn("title", label=gettext_lazy("Title"), url_name="cmi5_courses:edit"),
        Column("au_count", label=gettext_lazy("Units")),
        Column("lesson", label=gettext_lazy("Lesson")),
        Column("state", label=gettext_lazy("State"), accessor=lambda course: _state(course)),
        DateColumn("imported_at", label=gettext_lazy("Imported"), sort_key="imported_at"),
    ]

    @property
    def permission_policy(self) -> WithdrawnNotDeleted:
        return WithdrawnNotDeleted(self.model)

    def get_form_class(self, for_update: bool = False) -> type[forms.ModelForm]:
        return CourseForm if for_update else ImportForm

    def get_urlpatterns(self) -> list[Any]:
        kept = [pattern for pattern in super().get_urlpatterns() if pattern.name != "delete"]
        return [*kept, path("<int:pk>/preview/<int:index>/", preview, name="preview"),
                path("<int:pk>/replace/", replace, name="replace"),
                path("<int:pk>/withdraw/", withdraw, name="withdraw")]  # fmt: skip


def _state(course: Cmi5Course) -> str:
    if course.retired_at is not None:
        return _("Withdrawn")
    return _("Linked") if course.lesson_id else _("Not linked yet")


def _editable(request: HttpRequest, pk: int) -> Cmi5Course:
    if not WithdrawnNotDeleted(Cmi5Course).user_has_permission(request.user, "change"):
        raise PermissionDenied
    return get_object_or_404(Cmi5Course, pk=pk)


@require_POST
def preview(request: HttpRequest, pk: int, index: int) -> HttpResponse:
    """Look at a unit as a member will see it, in mode Browse: nothing of it counts for anybody."""
    course = _editable(request, pk)
    actor = launching.actor_of(request.user)  # type: ignore[arg-type]
    actor["account"]["name"] = launching.PREVIEW + actor["account"]["name"]
    try:
        begun = launching.launch(
            course,
            index,
            actor=actor,
            mode="Browse",
            site=request.build_absolute_uri("/").rstrip("/"),
            return_url=request.build_absolute_uri(reverse("cmi5_courses:edit", args=[pk])),
        )
    except Cmi5Error as refused:
        messages.error(request, worded(refused)["message"])
        return redirect("cmi5_courses:edit", pk)
    answer = HttpResponse(status=303)
    answer["Location"] = begun.url
    answer["Referrer-Policy"] = "no-referrer"
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
def replace(request: HttpRequest, pk: int) -> HttpResponse:
    """Whom a new version concerns, and its file; a bad package is refused in words and changes nothing."""
    course = _editable(request, pk)
    if course.retired_at is not None:
        return redirect("cmi5_courses:edit", pk)
    form = PackageForm(request.POST, request.FILES) if request.method == "POST" else PackageForm()
    if request.method == "POST" and form.is_valid():
        try:
            fresh = replacing.replace(course, form.cleaned_data["package"].file, by=request.user)  # type: ignore[arg-type]
        except Cmi5Error as refused:
            form.add_error("package", worded(refused)["message"])
        except IntegrityError:
            form.add_error(None, _("Somebody is just beginning this course. Try again."))
        else:
            messages.success(
                request, _("«%s» has a new version. Look at its units before members do.") % fresh
            )
            return redirect("cmi5_courses:edit", fresh.pk)
    title = _("Replace by a new version")
    context = {
        "course": course,
        "form": form,
        "concerned": replacing.concerned(course),
        "header_title": title,
        "header_icon": "code",
        "breadcrumbs_items": [
            {"url": reverse("cmi5_courses:index"), "label": _("Interactive courses")},
            {"url": reverse("cmi5_courses:edit", args=[pk]), "label": course.title},
            {"url": "", "label": title},
        ],
    }
    return render(request, "archive_admin/cmi5_replace.html", context, status=422 if form.errors else 200)


@require_POST
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    course = _editable(request, pk)
    try:
        launching.retire(course, by=request.user)  # type: ignore[arg-type]
    except IntegrityError:
        messages.error(request, _("Somebody is just beginning this course. Try again."))
    else:
        messages.success(
            request, _("«%s» is withdrawn. What members have studied stays in their records.") % course
        )
    return redirect("cmi5_courses:index")
