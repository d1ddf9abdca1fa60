"""The Chinese catalogue is complete, and the extractor that says so sees what it should."""

import pytest

from portal import translations


def test_nothing_is_untranslated_fuzzy_or_has_a_foreign_placeholder():
    found = translations.faults()

    assert found.missing == []
    assert found.fuzzy == []
    assert found.placeholders == []
    assert found.unused == []


@pytest.mark.parametrize(
    ("source", "keys"),
    [
        ('from x import gettext_lazy as _\n_("one" " two")', [(None, "one two")]),
        ('ngettext("%(n)s day", "%(n)s days", n)', [(None, ("%(n)s day", "%(n)s days"))]),
        ('pgettext("verb", "play")', [("verb", "play")]),
        ("_(variable)", []),
    ],
)
def test_python_sources_are_read_by_their_syntax(source, keys):
    assert list(translations._in_python(source)) == keys


@pytest.mark.parametrize(
    ("source", "keys"),
    [
        ('{% translate "It\'s (here)" %}', [(None, "It's (here)")]),
        (
            "{% blocktranslate trimmed with a=b %}\n Hello\n {{ a }}\n{% endblocktranslate %}",
            [(None, "Hello %(a)s")],
        ),
        (
            "{% blocktranslate count n=n %}{{ n }} day{% plural %}{{ n }} days{% endblocktranslate %}",
            [(None, ("%(n)s day", "%(n)s days"))],
        ),
        ('{{ _("in a variable") }}', [(None, "in a variable")]),
    ],
)
def test_templates_are_read_through_djangos_own_parser(source, keys):
    assert list(translations._in_template(source, "test.html")) == keys


def test_a_text_that_looks_like_a_header_line_stays_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(translations, "CATALOGUE", tmp_path / "django.po")

    translations.update({"Empty: as the file says": "留空表示自动识别"})

    written = (tmp_path / "django.po").read_text(encoding="utf-8")
    assert 'msgid "Empty: as the file says"\nmsgstr "留空表示自动识别"' in written
    assert "Generated-By" not in written


def test_a_msgid_that_another_room_uses_is_not_given_other_words(tmp_path, monkeypatch):
    catalogue = tmp_path / "django.po"
    monkeypatch.setattr(translations, "CATALOGUE", catalogue)
    monkeypatch.setattr(translations, "used", lambda: {(None, "Time"): []})
    translations.update({"Time": "时间"})
    before = catalogue.read_bytes()

    translations.update({"Time": "时间"})
    with pytest.raises(translations.TranslationTaken, match="用时"):
        translations.update({"Time": "用时"})
    assert catalogue.read_bytes() == before

    translations.update({"Time": "用时"}, replace=True)
    assert translations.load().get("Time").string == "用时"
