"""A model as an ordinary Wagtail site would make it searchable (modelsearch's documentation); for _stock_search.py."""

from django.db import models
from modelsearch import index


class Text(index.Indexed, models.Model):
    """One document, or one cue of captions without a title."""

    title = models.CharField(max_length=255)
    body = models.TextField()

    search_fields = [index.SearchField("title"), index.AutocompleteField("title"), index.SearchField("body")]

    class Meta:
        app_label = "_stock"
