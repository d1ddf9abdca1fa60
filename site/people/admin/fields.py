"""Form fields of this room's admin."""

from django import forms

from people.models import PartyOrganization


class OrganizationField(forms.ModelChoiceField):
    """A choice in the order of the tree, indented by depth: 桂花社区党委 › 第一党支部."""

    def __init__(self, **kwargs):
        kwargs.setdefault("queryset", PartyOrganization.objects.all())
        super().__init__(**kwargs)

    def label_from_instance(self, organization: PartyOrganization) -> str:
        return "　" * (organization.depth - 1) + organization.name
