"""Posts in the Wagtail admin: who holds which, and ending them. They are given on the member's page."""

import django_filters
from django import forms
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.tables import Column
from wagtail.admin.views import generic
from wagtail.admin.viewsets.model import ModelViewSet
from wagtail.admin.widgets import AdminDateInput
from wagtail.admin.widgets.boolean_radio_select import BooleanRadioSelect

from people import api
from people.admin.fields import OrganizationField
from people.models import PartyOrganization, Post, PostRole


class PostForm(forms.ModelForm):
    """Ends a post. A wrong one is ended on its first day; what was true stays in the list."""

    class Meta:
        model = Post
        fields = ["ended_on"]
        widgets = {"ended_on": AdminDateInput}
        help_texts = {"ended_on": gettext_lazy("The last day in office.")}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["ended_on"].required = True

    def clean_ended_on(self):
        day = self.cleaned_data["ended_on"]
        if day < self.instance.started_on:
            raise forms.ValidationError(_("A post cannot end before it starts."))
        return day

    def save(self, commit: bool = True):
        raise TypeError("people.api ends posts")


class SubtreeFilter(django_filters.ModelChoiceFilter):
    field_class = OrganizationField

    def filter(self, queryset, organization):
        return queryset.filter(organization__path__startswith=organization.path) if organization else queryset


class PostFilterSet(WagtailFilterSet):
    organization = SubtreeFilter(label=gettext_lazy("organisation"), queryset=PartyOrganization.objects.all())
    role = django_filters.MultipleChoiceFilter(
        label=gettext_lazy("post"), choices=PostRole.choices, widget=forms.CheckboxSelectMultiple
    )
    held = django_filters.BooleanFilter(
        label=gettext_lazy("Held today"), method="filter_held", widget=BooleanRadioSelect
    )

    class Meta:
        model = Post
        fields: list[str] = []

    def filter_held(self, queryset, name, value):
        today = timezone.localdate()
        held = Post.objects.held_on(today).values("pk")
        return queryset.filter(pk__in=held) if value else queryset.exclude(pk__in=held)


class IndexView(generic.IndexView):
    page_title = gettext_lazy("Posts")
    default_ordering = "organization__path"
    is_searchable = True

    @cached_property
    def columns(self):
        return [
            self._get_title_column_class(generic.models.TitleColumn)(
                "member", label=pgettext_lazy("person", "Name"), get_url=self.get_edit_url
            ),
            Column("get_role_display", label=gettext_lazy("post"), sort_key="role"),
            Column("organization", label=gettext_lazy("organisation"), sort_key="organization__path"),
            Column("started_on", label=gettext_lazy("from"), sort_key="started_on"),
            Column("ended_on", label=gettext_lazy("until"), sort_key="ended_on"),
        ]

    def get_base_queryset(self):
        return Post.objects.select_related("member", "organization")

    def order_queryset(self, queryset):
        return queryset.order_by(self.ordering, "member__name_pinyin", "pk")

    def search_queryset(self, queryset):
        words = (self.search_query or "").strip()
        if not words:
            return queryset
        initials = Q(member__name_initials__istartswith=words)
        return queryset.filter(Q(member__name__icontains=words) | initials)

    def get_add_url(self):
        return None

    def get_delete_url(self, instance):
        return None


class EditView(generic.EditView):
    page_title = gettext_lazy("End a post")

    def save_instance(self):
        self.has_content_changes = True
        ended_on = self.form.cleaned_data["ended_on"]
        return api.end_post(self.form.instance, ended_on=ended_on, actor=self.request.user)

    def get_delete_url(self):
        return None


class Refused(generic.DeleteView):
    """Posts are ended, not deleted."""

    def dispatch(self, request, *args, **kwargs):
        raise PermissionDenied


class RefusedCreate(generic.CreateView):
    """Posts are given on the member's own page."""

    def dispatch(self, request, *args, **kwargs):
        raise PermissionDenied


class PostViewSet(ModelViewSet):
    model = Post
    name = "posts"
    icon = "tasks"
    menu_label = gettext_lazy("Posts")
    menu_order = 30
    add_to_reference_index = False
    copy_view_enabled = False
    ordering = "organization__path"
    filterset_class = PostFilterSet
    index_view_class = IndexView
    add_view_class = RefusedCreate
    edit_view_class = EditView
    delete_view_class = Refused

    def get_form_class(self, for_update: bool = False):
        return PostForm
