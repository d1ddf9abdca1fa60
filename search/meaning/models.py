"""What the meaning of documents is kept in: one vector each, beside the index."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Vector(models.Model):
    """What one document of one index means to one model, e.g. "lesson:12" of the site's index, 384 halves of floats.

    Made from what lies in the index and never from anywhere else, so it is no truth: it may be deleted at any time.
    `fingerprint` is that of the document when it was last looked at, `text_hash` that of the text embedded; an
    empty `vector` belongs to a text that the model fails on. Changed by a new row in the place of the old one, so
    that (count, highest and sum of numbers) tells whether the table is still the same.
    """

    index = models.CharField(max_length=40, blank=True)
    key = models.CharField(max_length=170)
    model = models.CharField(max_length=40)
    fingerprint = models.CharField(max_length=16)
    text_hash = models.CharField(max_length=16)
    vector = models.BinaryField()

    class Meta:
        verbose_name = _("meaning of a document")
        verbose_name_plural = _("meanings of documents")
        constraints = [models.UniqueConstraint(fields=["index", "key"], name="search_vector_of_document")]

    def __str__(self) -> str:
        return f"{self.index}/{self.key}"
