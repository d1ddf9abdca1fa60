"""The organisation tree in the Wagtail admin."""

from django import forms
from django.db.models import Count, Q
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy
from wagtail.admin.ui.tables import Column, TitleColumn
from wagtail.admin.views import generic
from wagtail.admin.viewsets.model import ModelViewSet

from people import api
from people.admin.fields import OrganizationField
from people.errors import OrganizationInUse
from people.models import PartyOrganization


class OrganizationForm(forms.ModelForm):
    required_css_class = "required"
    parent = OrganizationField(
        label=gettext_lazy("Organisation above"),
        required=False,
        help_text=gettext_lazy("Moving an organisation takes everything below it along."),
    )

    class Meta:
        model = PartyOrganization
        fields = ["parent", "code", "name", "short_name", "type", "contact_phone"]
        help_texts = {
            "code": gettext_lazy("Organisations stand in the order of their codes everywhere."),
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            own = self.instance
            self.fields["parent"].queryset = PartyOrganization.objects.exclude(path__startswith=own.path)
            self.initial["parent"] = own.get_parent()

    def clean_code(self) -> str:
        return self.cleaned_data["code"].strip()

    def save(self, commit: bool = True):
        raise TypeError("people.api saves organisations")


class TreeColumn(TitleColumn):
    """The name, indented by depth."""

    cell_template_name = "people_admin/organization_cell.html"


class IndexView(generic.IndexView):
    page_title = gettext_lazy("Party organisations")
    add_item_label = gettext_lazy("Add an organisation")
    default_ordering = "path"
    is_searchable = True
    paginate_by = 100

    @cached_property
    def columns(self):
        return [
            self._get_title_column_class(TreeColumn)(
                "name", label=gettext_lazy("name"), get_url=self.get_edit_url
            ),
            Column("code", label=gettext_lazy("code")),
            Column("get_type_display", label=gettext_lazy("type")),
            Column("people_here", label=gettext_lazy("Members here")),
        ]

    def get_base_queryset(self):
        on_roster = Q(members__status__in=("FULL", "PROBATIONARY"), members__is_active=True)
        return PartyOrganization.objects.annotate(people_here=Count("members", filter=on_roster))

    def search_queryset(self, queryset):
        words = self.search_query or ""
        return queryset.filter(
            Q(name__icontains=words) | Q(short_name__icontains=words) | Q(code__startswith=words)
        )


class CreateView(generic.CreateView):
    page_title = gettext_lazy("Add an organisation")

    def save_instance(self):
        parent = self.form.cleaned_data["parent"]
        return api.found_organization(self.form.instance, parent=parent, actor=self.request.user)


class EditView(generic.EditView):
    def save_instance(self):
        self.has_content_changes = self.form.has_changed()
        return api.change_organization(
            self.form.instance,
            parent=self.form.cleaned_data["parent"],
            fields=set(self.form.changed_data),
            actor=self.request.user,
        )


class DeleteView(generic.DeleteView):
    """Dissolves an organisation that holds nobody; refuses otherwise and says what is in the way."""

    template_name = "people_admin/organization_delete.html"
    page_title = gettext_lazy("Dissolve an organisation")

    def get_context_data(self, **kwargs):
        in_the_way = {
            "members": self.object.members.count(),
            "posts": self.object.posts.count(),
            "below": self.object.get_descendant_count(),
        }
        return super().get_context_data(**kwargs) | {
            "in_the_way": in_the_way,
            "free": not any(in_the_way.values()),
        }

    def delete_action(self):
        api.dissolve_organization(self.object, actor=self.request.user)

    def form_valid(self, form):
        try:
            return super().form_valid(form)
        except OrganizationInUse:
            return self.render_to_response(self.get_context_data())


class OrganizationViewSet(ModelViewSet):
    model = PartyOrganization
    name = "organizations"
    icon = "group"
    menu_label = gettext_lazy("Party organisations")
    menu_order = 20
    add_to_reference_index = False
    copy_view_enabled = False
    ordering = "path"
    index_view_class = IndexView
    add_view_class = CreateView
    edit_view_class = EditView
    delete_view_class = DeleteView

    def get_form_class(self, for_update: bool = False):
        return OrganizationForm
