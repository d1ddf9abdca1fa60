"""Packages for the tests, made here: cmi5.xml by hand and real zip files."""

from __future__ import annotations

import io
import zipfile

NS = "https://w3id.org/xapi/profiles/cmi5/v1/CourseStructure.xsd"
PAGE = "<!doctype html><title>单元</title><p>学习内容"


def text(name: str, words: str) -> str:
    return f'<{name}><langstring lang="zh-CN">{words}</langstring></{name}>'


def au(
    number: int = 0,
    *,
    url: str = "index.html",
    id: str = "",
    attributes: str = "",
    more: str = "",
    before: str = "",
):
    iri = id or f"https://publisher.example/au/{number}"
    return (
        f'<au id="{iri}" {attributes}>{text("title", f"第{number}单元")}{text("description", "说明")}'
        f"{before}<url>{url}</url>{more}</au>"
    )


def block(inner: str, *, id: str = "https://publisher.example/block/0", objectives: str = "") -> str:
    return f'<block id="{id}">{text("title", "第一部分")}{text("description", "说明")}{objectives}{inner}</block>'


def structure(
    inner: str, *, id: str = "https://publisher.example/course", objectives: str = "", root: str = ""
) -> str:
    return (
        f'<?xml version="1.0" encoding="utf-8"?><courseStructure xmlns="{NS}" {root}>'
        f'<course id="{id}">{text("title", "网络安全")}{text("description", "说明")}</course>'
        f"{objectives}{inner}</courseStructure>"
    )


def package(xml: str, files: dict[str, str | bytes] | None = None, **options) -> io.BytesIO:
    """A zip with this cmi5.xml, and one page unless `files` says otherwise."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        archive.writestr("cmi5.xml", xml)
        for name, content in ({"index.html": PAGE} if files is None else files).items():
            archive.writestr(name, content)
    made.seek(0)
    return made
