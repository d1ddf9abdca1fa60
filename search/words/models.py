"""What editors add to the lexicon (search/lexicon), and which of it the index already knows."""

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from search import analysis

MOST_OTHERS = 20
LONGEST = 30


def normal_term(value: str, *, least: int = 2) -> str:
    """`value` as the analyser compares it; raises ValidationError for what would find nothing, or everything."""
    normal = analysis.normalise(value)
    if not normal or not any(analysis.runs(normal)):
        raise ValidationError(_("Write a word here: Chinese characters, letters or digits."), code="empty")
    if len(normal) < least:
        raise ValidationError(
            _("«%(word)s» is a single character and stands in nearly every text. Write at least two."),
            code="short",
            params={"word": normal},
        )
    if len(normal) > LONGEST:
        raise ValidationError(
            _("«%(word)s» is too long: at most %(n)s characters."),
            code="long",
            params={"word": normal, "n": LONGEST},
        )
    return normal


class LexiconWord(models.Model):
    """One word of the field which the general dictionary would split, e.g. 主题党日活动.

    Not a synonym: it says nothing about what else is meant. It makes results in which the word stands
    whole rank higher; found are they anyway.
    """

    word = models.CharField(
        pgettext_lazy("of a language", "word"),
        max_length=LONGEST,
        unique=True,
        error_messages={"unique": _("This word is in the list already.")},
        help_text=_("Two to thirty characters, without blanks and punctuation."),
    )
    note = models.CharField(
        _("note"), max_length=200, blank=True, help_text=_("For colleagues: what it means, who asked for it.")
    )
    changed_at = models.DateTimeField(_("changed at"), auto_now=True)

    class Meta:
        verbose_name = _("word of the field")
        verbose_name_plural = _("words of the field")
        ordering = ["word"]

    def __str__(self) -> str:
        return self.word

    def clean(self) -> None:
        try:
            word = normal_term(self.word)
        except ValidationError as fault:
            raise ValidationError({"word": fault}) from fault
        if list(analysis.runs(word)) != [word]:
            message = _(
                "Write one word, without blanks and punctuation, and not Chinese characters and letters together."
            )
            raise ValidationError({"word": ValidationError(message, code="mixed")})
        self.word = word


class SynonymGroup(models.Model):
    """One thing under several names, e.g. 八项规定 = 中央八项规定精神.

    With `one_way`, who looks for `term` is also shown `others`, not the other way round: 三会一课 > 党课.
    """

    term = models.CharField(
        pgettext_lazy("of a language", "word"),
        max_length=LONGEST,
        unique=True,
        error_messages={
            "unique": _("There is an entry for this word already: open it and add the other names there.")
        },
        help_text=_("What people type."),
    )
    others = models.TextField(
        _("what it is also called"),
        help_text=_("One a line, at most twenty. What is typed above then also finds these."),
    )
    one_way = models.BooleanField(
        _("only in this direction"),
        default=False,
        help_text=_(
            "Tick it when the others are parts of the word (三会一课: 党课): who looks for a part does not mean the whole."
        ),
    )
    changed_at = models.DateTimeField(_("changed at"), auto_now=True)

    class Meta:
        verbose_name = _("synonym")
        verbose_name_plural = _("synonyms")
        ordering = ["term"]

    def __str__(self) -> str:
        return f"{self.term} {'→' if self.one_way else '='} {'、'.join(self.phrases)}"

    @property
    def phrases(self) -> list[str]:
        """The other names, normalised as they were saved."""
        return [line for line in self.others.splitlines() if line]

    def clean(self) -> None:
        faults: dict[str, list[ValidationError]] = {}
        try:
            self.term = normal_term(self.term)
        except ValidationError as fault:
            faults["term"] = [fault]
        others: list[str] = []
        for line in self.others.splitlines():
            if not line.strip():
                continue
            try:
                others.append(normal_term(line))
            except ValidationError as fault:
                faults.setdefault("others", []).append(fault)
        others = list(dict.fromkeys(others))
        if "others" not in faults:
            if self.term in others:
                message = _("«%(word)s» stands above already.")
                faults["others"] = [ValidationError(message, code="same", params={"word": self.term})]
            elif not others:
                faults["others"] = [
                    ValidationError(_("Write at least one other name, one a line."), code="none")
                ]
            elif len(others) > MOST_OTHERS:
                message = _(
                    "At most %(n)s other names; make a second entry for what is really something else."
                )
                faults["others"] = [ValidationError(message, code="many", params={"n": MOST_OTHERS})]
        if faults:
            raise ValidationError(faults)
        self.others = "\n".join(others)


class WordsInUse(models.Model):
    """Which of the editors' words an index was made with; one row an index (`index` is its name, "" the site's).

    `stamp` is `analysis.Added.stamp` of that moment; `rebuilding_since` stands while a new one is made.
    """

    index = models.CharField(max_length=40, unique=True, blank=True, default="")
    stamp = models.CharField(max_length=12, blank=True, default="")
    made_at = models.DateTimeField(null=True, blank=True)
    rebuilding_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("words in use")
        verbose_name_plural = _("words in use")

    def __str__(self) -> str:
        return self.stamp or "-"
