"""Members in the Wagtail admin, in the place of Wagtail's own users (`wagtailusers_users:*`)."""

import re

import django_filters
from django import forms
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import View
from wagtail.admin import messages
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.tables import BooleanColumn, Column
from wagtail.admin.views.generic import PermissionCheckedMixin, WagtailAdminTemplateMixin
from wagtail.admin.widgets import AdminDateInput
from wagtail.admin.widgets.boolean_radio_select import BooleanRadioSelect
from wagtail.admin.widgets.button import HeaderButton
from wagtail.users.views import users as wagtail_users

from people import api
from people.admin.fields import OrganizationField
from people.client_address import source_of
from people.encryption import digest
from people.errors import AlreadyActive, NotActivated, PostAlreadyHeld
from people.models import Member, MemberStatus, PartyOrganization, PostRole

OPENED_AT_ONCE = 60
"""Accounts opened by one press: hashing a password takes a third of a second."""


class MemberForm(forms.ModelForm):
    """A person on the roster. No password here: accounts are opened, passwords replaced, apart from it.

    Who may sign in to the admin and with which rights (`groups`, `is_superuser`) is changed by
    administrators only, and by nobody for himself.
    """

    required_css_class = "required"
    organization = OrganizationField(label=gettext_lazy("organisation"), required=False)
    new_phone = forms.CharField(
        label=gettext_lazy("mobile number"),
        required=False,
        max_length=32,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "tel"}),
    )
    forget_phone = forms.BooleanField(label=gettext_lazy("Remove the number"), required=False)

    class Meta:
        model = Member
        fields = [
            "name",
            "username",
            "status",
            "organization",
            "joined_on",
            "new_phone",
            "forget_phone",
            "elder_mode",
            "is_active",
            "groups",
            "is_superuser",
        ]
        widgets = {"groups": forms.CheckboxSelectMultiple, "joined_on": AdminDateInput}
        labels = {"is_superuser": gettext_lazy("Administrator"), "name": pgettext_lazy("person", "Name")}
        help_texts = {
            "username": gettext_lazy("Used to sign in; members may also use their mobile number."),
            "is_active": gettext_lazy("Accounts are switched off, not deleted: the learning archive stays."),
            "is_superuser": gettext_lazy("Sees and changes everything on this site."),
        }

    def __init__(self, *args, actor: Member, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["groups"].queryset = Group.objects.order_by("name")
        self.fields["groups"].help_text = _(
            "What this person may do in the administration; members need none."
        )
        known = self.instance.masked_phone
        if known:
            self.fields["new_phone"].help_text = _("Kept: %(number)s. Leave blank to keep it.") % {
                "number": known
            }
        else:
            del self.fields["forget_phone"]
            self.fields["new_phone"].help_text = _("Stored encrypted; members may sign in with it.")
        if not actor.is_superuser:
            del self.fields["groups"], self.fields["is_superuser"]
        elif actor == self.instance:
            del self.fields["is_superuser"], self.fields["is_active"]

    def clean_username(self) -> str:
        name = self.cleaned_data["username"].strip()
        if not re.fullmatch(r"[\w.@+-]+", name):
            raise forms.ValidationError(_("Use letters, digits and @ . + - _ only."))
        if re.fullmatch(r"1\d{10}", name):
            raise forms.ValidationError(
                _("A mobile number belongs into its own field, where it is encrypted.")
            )
        return name

    def clean_new_phone(self) -> str:
        number = re.sub(r"[\s-]", "", self.cleaned_data["new_phone"])
        if not number:
            return ""
        if not re.fullmatch(r"1\d{10}", number, flags=re.ASCII):
            raise forms.ValidationError(_("A mobile number has eleven digits and begins with 1."))
        if Member.objects.filter(phone_digest=digest(number)).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(_("Another account has this number already."))
        return number

    def clean(self):
        data = super().clean()
        if data.get("status") != MemberStatus.STAFF and not data.get("organization"):
            self.add_error("organization", _("A Party member belongs to an organisation."))
        return data

    def changed_fields(self) -> set[str]:
        """Names of the changed model fields."""
        renamed = {"new_phone": "phone", "forget_phone": "phone"}
        return {renamed.get(name, name) for name in self.changed_data}

    def save(self, commit: bool = True) -> Member:
        raise TypeError("people.api saves members: use `filled()`")

    def filled(self) -> Member:
        """The instance with the values of the form, unsaved."""
        if self.cleaned_data.get("new_phone"):
            self.instance.phone = self.cleaned_data["new_phone"]
        elif self.cleaned_data.get("forget_phone"):
            self.instance.phone = ""
        return self.instance


class PhonePurposeForm(forms.Form):
    purpose = forms.CharField(label=gettext_lazy("What for"), max_length=100)


class AppointForm(forms.Form):
    required_css_class = "required"
    organization = OrganizationField(label=gettext_lazy("organisation"))
    role = forms.ChoiceField(label=gettext_lazy("post"), choices=PostRole.choices)
    started_on = forms.DateField(
        label=gettext_lazy("from"), widget=AdminDateInput, initial=timezone.localdate
    )


class OpenAccountsForm(forms.Form):
    organization = OrganizationField(
        label=gettext_lazy("organisation"),
        help_text=gettext_lazy("Members of organisations below it are included."),
    )


class SubtreeFilter(django_filters.ModelChoiceFilter):
    """Members of an organisation and of everything below it."""

    field_class = OrganizationField

    def filter(self, queryset, organization):
        return queryset.of(organization) if organization else queryset


class MemberFilterSet(WagtailFilterSet):
    organization = SubtreeFilter(
        label=gettext_lazy("organisation"),
        queryset=PartyOrganization.objects.all(),
        field_name="organization",
    )
    status = django_filters.MultipleChoiceFilter(
        label=gettext_lazy("membership"), choices=MemberStatus.choices, widget=forms.CheckboxSelectMultiple
    )
    activated = django_filters.BooleanFilter(
        label=gettext_lazy("Account opened"),
        field_name="activated_at",
        lookup_expr="isnull",
        exclude=True,
        widget=BooleanRadioSelect,
    )
    is_active = django_filters.BooleanFilter(label=gettext_lazy("may sign in"), widget=BooleanRadioSelect)
    groups = django_filters.ModelMultipleChoiceFilter(
        label=gettext_lazy("Groups"), queryset=Group.objects.all(), widget=forms.CheckboxSelectMultiple
    )
    is_superuser = django_filters.BooleanFilter(
        label=gettext_lazy("Administrator"), widget=BooleanRadioSelect
    )

    class Meta:
        model = Member
        fields: list[str] = []


class IndexView(wagtail_users.IndexView):
    """All accounts by the pinyin of the name. No telephone numbers, no log-in times."""

    template_name = "wagtailadmin/generic/index.html"
    page_title = gettext_lazy("Members and accounts")
    add_item_label = gettext_lazy("Add a person")
    default_ordering = "name_pinyin"
    is_searchable = True

    @cached_property
    def columns(self):
        return [
            self._get_title_column_class(wagtail_users.UserColumn)(
                "name",
                label=pgettext_lazy("person", "Name"),
                sort_key="name_pinyin",
                get_url=self.get_edit_url,
                classname="name",
            ),
            Column("username", label=gettext_lazy("sign-in name"), sort_key="username"),
            Column("organization", label=gettext_lazy("organisation"), sort_key="organization__path"),
            Column("get_status_display", label=gettext_lazy("membership"), sort_key="status"),
            BooleanColumn("activated_at", label=gettext_lazy("Account opened"), sort_key="activated_at"),
            BooleanColumn("is_active", label=gettext_lazy("may sign in"), sort_key="is_active"),
        ]

    @cached_property
    def header_buttons(self):
        buttons = super().header_buttons
        if self.user_has_permission("change"):
            buttons = [
                *buttons,
                HeaderButton(
                    _("Open accounts of an organisation"),
                    url=reverse("wagtailusers_users:open_many"),
                    icon_name="key",
                ),
            ]
        return buttons

    def get_filterset_kwargs(self):
        return {"data": self.request.GET, "request": self.request}

    def get_base_queryset(self):
        return Member.objects.select_related("organization", "wagtail_userprofile")

    def order_queryset(self, queryset):
        if self.ordering == "name_pinyin":
            return queryset.by_name()
        return queryset.order_by(self.ordering, "pk")

    def search_queryset(self, queryset):
        return queryset.matching(self.search_query or "")

    def get_delete_url(self, instance):
        return None


class CreateView(wagtail_users.CreateView):
    template_name = "wagtailadmin/generic/create.html"
    page_title = gettext_lazy("Add a person")
    success_message = gettext_lazy("%(object)s is on the roster. The account is not open yet.")

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"actor": self.request.user}

    def save_instance(self):
        groups = self.form.cleaned_data.get("groups", ())
        return api.enrol(self.form.filled(), actor=self.request.user, groups=groups)

    def get_success_url(self):
        return reverse("wagtailusers_users:edit", args=[self.object.pk])

    def get_success_buttons(self):
        return []


def _may_change(actor: Member, member: Member) -> None:
    """Accounts of administrators are changed by administrators only; raises PermissionDenied."""
    if member.is_superuser and not actor.is_superuser:
        raise PermissionDenied


class EditView(wagtail_users.EditView):
    template_name = "people_admin/member_edit.html"
    success_message = gettext_lazy("%(object)s: changes saved.")

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        self.can_delete = False

    def dispatch(self, request, *args, **kwargs):
        _may_change(request.user, self.object)
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self):
        kwargs = super().get_form_kwargs() | {"actor": self.request.user}
        kwargs.pop("editing_self")
        return kwargs

    def save_instance(self):
        fields = self.form.changed_fields()
        groups = self.form.cleaned_data["groups"] if "groups" in fields else None
        self.has_content_changes = bool(fields)
        return api.change_member(self.form.filled(), fields=fields, groups=groups, actor=self.request.user)

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs)
        context["posts"] = self.object.posts.select_related("organization").order_by("-started_on", "pk")
        context["purpose_form"] = PhonePurposeForm()
        context["today"] = timezone.localdate()
        return context


class DeleteView(wagtail_users.DeleteView):
    """Nobody is deleted: the learning archive belongs to the organisation. Accounts are switched off."""

    def dispatch(self, request, *args, **kwargs):
        raise PermissionDenied


class MemberActionView(PermissionCheckedMixin, WagtailAdminTemplateMixin, View):
    """Base of what is done to one account apart from its form."""

    permission_required = "change"

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        self.member = get_object_or_404(Member, pk=kwargs["pk"])

    def dispatch(self, request, *args, **kwargs):
        _may_change(request.user, self.member)
        return super().dispatch(request, *args, **kwargs)

    def back(self):
        return redirect("wagtailusers_users:edit", self.member.pk)

    def get_breadcrumbs_items(self):
        return [
            *self.breadcrumbs_items,
            {"url": reverse("wagtailusers_users:index"), "label": _("Members and accounts")},
            {"url": reverse("wagtailusers_users:edit", args=[self.member.pk]), "label": self.member.name},
            {"url": "", "label": self.get_page_title()},
        ]


class OpenAccountView(MemberActionView):
    """Opens one account with a one-time password, shown once on this answer."""

    page_title = gettext_lazy("One-time password")
    header_icon = "key"

    def post(self, request, pk):
        try:
            password = api.open_account(self.member, actor=request.user)
        except AlreadyActive:
            messages.error(request, _("This account is open already."))
            return self.back()
        return _slips(self, [(self.member, password)])


class ReplacePasswordView(MemberActionView):
    page_title = gettext_lazy("One-time password")
    header_icon = "key"

    def post(self, request, pk):
        try:
            password = api.replace_password(self.member, actor=request.user)
        except NotActivated:
            messages.error(request, _("This account is not open yet."))
            return self.back()
        return _slips(self, [(self.member, password)])


class ReadPhoneView(MemberActionView):
    """Shows the whole number once, after saying what for; the reading is logged."""

    page_title = gettext_lazy("Mobile number")
    header_icon = "mobile-alt"
    template_name = "people_admin/phone.html"

    def post(self, request, pk):
        form = PhonePurposeForm(request.POST)
        if not form.is_valid():
            messages.error(request, _("Say what the number is needed for; it goes into the audit trail."))
            return self.back()
        purpose = form.cleaned_data["purpose"]
        number = api.read_phone(self.member, actor=request.user, purpose=purpose, source=source_of(request))
        context = {"member": self.member, "number": number, "purpose": purpose}
        return render(request, self.template_name, self.get_context_data(**context))


class AppointView(MemberActionView):
    page_title = gettext_lazy("Give a post")
    header_icon = "group"
    template_name = "people_admin/appoint.html"

    def get(self, request, pk):
        return self.answer(AppointForm(initial={"organization": self.member.organization_id}))

    def post(self, request, pk):
        form = AppointForm(request.POST)
        if not form.is_valid():
            return self.answer(form)
        try:
            post = api.appoint(self.member, actor=request.user, **form.cleaned_data)
        except PostAlreadyHeld:
            form.add_error("role", _("This post is held already."))
            return self.answer(form)
        messages.success(request, _("%(post)s: saved.") % {"post": post})
        return self.back()

    def answer(self, form):
        context = self.get_context_data(form=form, member=self.member, media=form.media)
        return render(self.request, self.template_name, context)


@method_decorator(sensitive_post_parameters(), name="post")
class OpenAccountsView(PermissionCheckedMixin, WagtailAdminTemplateMixin, View):
    """Opens the accounts of an organisation that are not open yet and prints a slip for each."""

    permission_required = "change"
    page_title = gettext_lazy("Open accounts of an organisation")
    header_icon = "key"
    template_name = "people_admin/open_accounts.html"

    def get(self, request):
        form = OpenAccountsForm(request.GET if "organization" in request.GET else None)
        waiting = self.waiting(form) if form.is_bound and form.is_valid() else None
        return self.answer(form, waiting)

    def post(self, request):
        form = OpenAccountsForm(request.POST)
        if not form.is_valid():
            return self.answer(form, None)
        opened, skipped = [], 0
        for member in self.waiting(form)[:OPENED_AT_ONCE]:
            try:
                opened.append((member, api.open_account(member, actor=request.user)))
            except AlreadyActive:
                skipped += 1
        if not opened:
            messages.info(request, _("There was no account left to open."))
            return redirect("wagtailusers_users:open_many")
        return _slips(self, opened, left=self.waiting(form).count())

    def waiting(self, form):
        roster = Member.objects.on_roster().of(form.cleaned_data["organization"])
        return roster.filter(activated_at__isnull=True).select_related("organization").by_name()

    def get_breadcrumbs_items(self):
        return [
            *self.breadcrumbs_items,
            {"url": reverse("wagtailusers_users:index"), "label": _("Members and accounts")},
            {"url": "", "label": self.get_page_title()},
        ]

    def answer(self, form, waiting):
        count = None if waiting is None else waiting.count()
        context = self.get_context_data(form=form, count=count, at_once=OPENED_AT_ONCE)
        return render(self.request, self.template_name, context)


def _slips(view, opened: list[tuple[Member, str]], left: int = 0):
    """One page with the passwords in clear, for printing and cutting; never kept, never cached."""
    context = view.get_context_data(opened=opened, left=left) | {"page_title": _("One-time password")}
    response = render(view.request, "people_admin/slips.html", context)
    response["Cache-Control"] = "no-store"
    return response


class MemberViewSet(wagtail_users.UserViewSet):
    """Replaces Wagtail's user management (people.apps.MemberAdminConfig)."""

    icon = "user"
    model = Member
    ordering = "name_pinyin"
    menu_label = gettext_lazy("Members and accounts")
    menu_order = 10
    template_prefix = ""
    filterset_class = MemberFilterSet
    index_view_class = IndexView
    add_view_class = CreateView
    edit_view_class = EditView
    delete_view_class = DeleteView
    copy_view_enabled = False

    def get_form_class(self, for_update: bool = False):
        return MemberForm

    def get_urlpatterns(self):
        def view(view_class):
            return self.construct_view(view_class, permission_policy=self.permission_policy)

        return [
            *super().get_urlpatterns(),
            path("open/", view(OpenAccountsView), name="open_many"),
            path("<int:pk>/open/", view(OpenAccountView), name="open"),
            path("<int:pk>/password/", view(ReplacePasswordView), name="password"),
            path("<int:pk>/phone/", view(ReadPhoneView), name="phone"),
            path("<int:pk>/appoint/", view(AppointView), name="appoint"),
        ]
