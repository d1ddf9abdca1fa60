"""业务词 and 同义词 in the Wagtail admin, with their history, and whether the index knows them yet."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.admin.panels import FieldPanel, HelpPanel
from wagtail.admin.ui.tables import BooleanColumn
from wagtail.snippets.views.snippets import CreateView, IndexView, SnippetViewSet, SnippetViewSetGroup

from search.models import LexiconWord, SynonymGroup
from search.words import vocabulary

__all__ = ["LexiconViewSetGroup"]


def state_in_words() -> str:
    """What editors read above the list of words, e.g. 正在重建索引（10:32 开始）……"""
    found, since = vocabulary.state()
    at = timezone.localtime(since).strftime("%m-%d %H:%M") if since else ""
    if found == "rebuilding":
        return _(
            "The index is being made anew (since %(at)s). Until then results stand in the order of before."
        ) % {"at": at}
    if found == "waiting":
        return _(
            "Changed words are not in the index yet. The search worker makes a new one about half a minute after "
            "the last change; if this line stays for long, ask the administrator whether the worker runs."
        )
    if since is None:
        return _("The index knows all words of this list.")
    return _("The index knows all words of this list (made %(at)s).") % {"at": at}


class WordIndexView(IndexView):
    """The list, with the state of the index above it."""

    def get_context_data(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(*args, **kwargs) | {"state_in_words": state_in_words()}


class LexiconWordViewSet(SnippetViewSet):
    model = LexiconWord
    icon = "list-ul"
    menu_label = gettext_lazy("Words of the field")
    list_display = ["word", "note", "changed_at"]
    search_fields = ["word", "note"]
    ordering = ["word"]
    list_per_page = 100
    copy_view_enabled = False
    index_view_class = WordIndexView
    index_template_name = "search_admin/words.html"
    panels = [
        HelpPanel(
            gettext_lazy(
                "Add what the general dictionary would split, as 主题党日活动: results in which it stands whole come "
                "first. For another name of the same thing make a synonym instead."
            )
        ),
        FieldPanel("word"),
        FieldPanel("note"),
    ]


class SynonymCreateView(CreateView):
    """From the report «what people look for» the word comes along (?term=)."""

    def get_initial_form_instance(self) -> SynonymGroup:
        return SynonymGroup(term=self.request.GET.get("term", "")[:30])


class SynonymViewSet(SnippetViewSet):
    model = SynonymGroup
    icon = "link"
    menu_label = gettext_lazy("Synonyms")
    list_display = [
        "__str__",
        BooleanColumn("one_way", label=gettext_lazy("only in this direction")),
        "changed_at",
    ]
    search_fields = ["term", "others"]
    ordering = ["term"]
    list_per_page = 100
    copy_view_enabled = False
    add_view_class = SynonymCreateView
    panels = [
        HelpPanel(gettext_lazy("Works within a few seconds after saving, without a new index.")),
        FieldPanel("term"),
        FieldPanel("others"),
        FieldPanel("one_way"),
    ]


class LexiconViewSetGroup(SnippetViewSetGroup):
    items = (SynonymViewSet, LexiconWordViewSet)
    menu_label = gettext_lazy("Words of search")
    menu_icon = "search"
    menu_order = 700
