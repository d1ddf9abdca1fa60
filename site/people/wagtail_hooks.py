"""Where this room's admin hangs in Wagtail: menu, reports, guards."""

from django.contrib.auth.models import Permission
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail import hooks
from wagtail.admin import messages
from wagtail.admin.menu import MenuItem

from people.admin.audit import AuditReportView
from people.admin.organizations import OrganizationViewSet
from people.admin.posts import PostViewSet
from people.models import AuditEntry, Member


class AuditMenuItem(MenuItem):
    def is_shown(self, request) -> bool:
        return AuditReportView.permission_policy.user_has_permission(request.user, "view")


@hooks.register("register_admin_viewset")
def register_viewsets():
    return [OrganizationViewSet(add_to_settings_menu=True), PostViewSet(add_to_settings_menu=True)]


@hooks.register("register_admin_urls")
def register_audit_report():
    return [
        path("reports/audit/", AuditReportView.as_view(), name="people_audit"),
        path(
            "reports/audit/results/", AuditReportView.as_view(results_only=True), name="people_audit_results"
        ),
    ]


@hooks.register("register_reports_menu_item")
def register_audit_menu_item():
    return AuditMenuItem(
        gettext_lazy("Audit trail"), reverse("people_audit"), name="audit", icon_name="list-ul", order=900
    )


@hooks.register("register_permissions")
def register_audit_permission():
    return Permission.objects.filter(
        content_type__app_label="people", codename=f"view_{AuditEntry._meta.model_name}"
    )


@hooks.register("before_bulk_action")
def refuse_bulk_changes_of_accounts(request, action_type, objects, action):
    """Accounts change one by one through people.api, which records who did what; nobody is deleted."""
    if Member in action.models:
        messages.error(request, _("Accounts are changed one by one, so that every change is recorded."))
        return redirect("wagtailusers_users:index")
    return None
