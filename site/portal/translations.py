"""The one catalogue of Chinese texts: extracting msgids, merging translations, compiling.

Written with Babel, so that no machine needs the gettext tools. Python sources are read by
their syntax tree; templates through Django's own `templatize`.
"""

from __future__ import annotations

import ast
import fcntl
import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

from portal.settings.environment import ROOT

CATALOGUE = ROOT / "site" / "portal" / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
PACKAGES = ("site/people", "site/reports", "site/portal", "courses", "media_pipeline", "search")

MsgId = str | tuple[str, str]
"""A msgid, or (singular, plural)."""
Key = tuple[str | None, MsgId]
"""(context, msgid)."""

_HEADER = "# The Chinese texts of the online Party school; kept by `./run manage messages`."

_PLAIN = {"_", "gettext", "gettext_lazy", "gettext_noop"}
_PLURAL = {"ngettext", "ngettext_lazy"}
_CONTEXT = {"pgettext", "pgettext_lazy"}
_CALL = re.compile(r"(?<![\w.])(_|gettext|ngettext|pgettext|npgettext)\(")


def _of_call(call: ast.Call) -> Key | None:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    texts = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    if name in _PLAIN and texts:
        return None, texts[0]
    if name in _PLURAL and len(texts) >= 2:
        return None, (texts[0], texts[1])
    if name in _CONTEXT and len(texts) >= 2:
        return texts[0], texts[1]
    if name == "npgettext" and len(texts) >= 3:
        return texts[0], (texts[1], texts[2])
    return None


def _in_python(source: str) -> Iterator[Key]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and (key := _of_call(node)):
            yield key


def _in_template(source: str, origin: str) -> Iterator[Key]:
    shadow = templatize(source, origin=origin)
    for found in _CALL.finditer(shadow):
        end = found.end()
        while (end := shadow.find(")", end)) != -1:
            end += 1
            try:
                call = ast.parse(shadow[found.start() : end], mode="eval").body
            except SyntaxError:
                continue
            if isinstance(call, ast.Call) and (key := _of_call(call)):
                yield key
            break


def sources() -> Iterator[Path]:
    """Python files and templates that may hold msgids, in a stable order."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*")):
            parts = path.relative_to(ROOT).parts
            if "node_modules" in parts or "migrations" in parts:
                continue
            if path.suffix == ".py" or (path.suffix in {".html", ".txt"} and "templates" in parts):
                yield path


def used() -> dict[Key, str]:
    """Every msgid in the sources with the file (relative to the root) that first uses it."""
    found: dict[Key, str] = {}
    for path in sources():
        text, name = path.read_text(encoding="utf-8"), str(path.relative_to(ROOT))
        keys = _in_python(text) if path.suffix == ".py" else _in_template(text, name)
        for key in keys:
            found.setdefault(key, name)
    return found


def _key(message: Message) -> Key:
    return message.context, message.id if isinstance(message.id, str) else tuple(message.id)  # type: ignore[return-value]


def _texts(message: Message) -> str | tuple[str, ...]:
    """The Chinese of a message; a tuple with one text for plurals, empty where it is untranslated."""
    if isinstance(message.string, list | tuple):
        return tuple(text or "" for text in message.string)
    return message.string or ""


def _translated(message: Message) -> bool:
    texts = _texts(message)
    return all(texts) and bool(texts)


def load() -> Catalog:
    """The catalogue as it is in the tree; an empty one when there is none yet."""
    if CATALOGUE.exists():
        with CATALOGUE.open("rb") as file:
            return read_po(file, locale="zh_Hans")
    return Catalog(locale="zh_Hans")


@contextmanager
def _alone() -> Iterator[None]:
    """One writer of the catalogue at a time."""
    CATALOGUE.parent.mkdir(parents=True, exist_ok=True)
    folder = os.open(CATALOGUE.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _write(catalog: Catalog) -> None:
    catalog.fuzzy = False
    buffer = io.BytesIO()
    write_po(buffer, catalog, width=110, no_location=True, sort_output=True, omit_header=False)
    # Only in the header: a msgid may begin like one of its lines («Empty: …»).
    header, _blank, entries = buffer.getvalue().partition(b"\n\n")
    header = re.sub(
        rb'^"(?!Language:|Plural|MIME|Content)[A-Z][A-Za-z-]+: [^\n]*\n', b"", header + b"\n", flags=re.M
    )
    text = header + b"\n" + entries
    fresh = CATALOGUE.with_suffix(".new")
    fresh.write_bytes(text)
    fresh.replace(CATALOGUE)


class TranslationTaken(ValueError):
    """Another room says this msgid already, in other Chinese: use a msgid (or a context) of your own."""


def update(
    added: dict[str, str | list[str]] | None = None, *, tidy: bool = False, replace: bool = False
) -> None:
    """Write the catalogue anew: all used msgids, known translations kept, `added` merged in.

    `added` maps "msgid" or "context\\x04msgid" to its Chinese (a list of one for plurals).
    With `tidy`, translations that no source uses any more are dropped. Raises TranslationTaken, and
    writes nothing, when a msgid has other Chinese already and `replace` is not said.
    """
    with _alone():
        old, fresh = load(), Catalog(locale="zh_Hans", header_comment=_HEADER, fuzzy=False)
        wanted = used()
        known: dict[Key, str | tuple[str, ...]] = {_key(m): _texts(m) for m in old if m.id}
        for name, chinese in (added or {}).items():
            context, _mark, text = name.rpartition("\x04")
            plurals = [
                k for k in wanted if k[0] == (context or None) and isinstance(k[1], tuple) and k[1][0] == text
            ]
            key: Key = plurals[0] if plurals else (context or None, text)
            words: str | tuple[str, ...]
            if plurals:
                words = tuple(chinese if isinstance(chinese, list) else [chinese])
            else:
                words = chinese if isinstance(chinese, str) else chinese[0]
            if not replace and any(known.get(key) or ()) and known[key] != words:
                raise TranslationTaken(f"{text!r}: {known[key]!r}, not {words!r}")
            known[key] = words
        keep = set(wanted) if tidy else set(wanted) | set(known)
        for key in sorted(keep, key=str):
            fresh.add(key[1], known.get(key, ""), context=key[0])  # type: ignore[arg-type]
        _write(fresh)


def compile_catalogue() -> Path:
    """Write django.mo beside the catalogue (atomically) and return its path."""
    with _alone():
        catalog, target = load(), CATALOGUE.with_suffix(".mo")
        buffer = io.BytesIO()
        write_mo(buffer, catalog)
        fresh = target.with_suffix(".mo.new")
        fresh.write_bytes(buffer.getvalue())
        fresh.replace(target)
    return target


@dataclass(frozen=True)
class Faults:
    """What is wrong with the catalogue: msgids (with their file) without Chinese, fuzzy ones, unused ones."""

    missing: list[str]
    fuzzy: list[str]
    unused: list[str]
    placeholders: list[str]


_PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|\{(\w+)\}")


def _names(text: str) -> set[str]:
    return {a or b for a, b in _PLACEHOLDER.findall(text)}


def faults() -> Faults:
    """Compare the sources with the catalogue."""
    wanted, catalog = used(), load()
    messages = {_key(m): m for m in catalog if m.id}
    missing = [
        f"{where}: {key[1]!r}"
        for key, where in wanted.items()
        if key not in messages or not _translated(messages[key])
    ]
    wrong = []
    for key, message in messages.items():
        if key in wanted and _translated(message):
            ids = key[1] if isinstance(key[1], tuple) else (key[1],)
            texts = _texts(message)
            strings = (texts,) if isinstance(texts, str) else texts
            allowed = set().union(*(_names(i) for i in ids))
            if any(not _names(s) <= allowed for s in strings):
                wrong.append(f"{wanted[key]}: {key[1]!r}")
    return Faults(
        missing=missing,
        fuzzy=[str(m.id) for m in catalog if m.id and m.fuzzy],
        unused=[str(k[1]) for k in messages if k not in wanted],
        placeholders=wrong,
    )
