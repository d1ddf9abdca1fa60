"""Captions of an asset: what an editor hands in."""

import re

from media_pipeline.models import (
    Asset,
    Captions,
)

__all__ = ["set_captions"]


def set_captions(asset: Asset, *, vtt: str, lang: str = "zh-Hans", label: str = "中文") -> Captions:
    """Store captions (WebVTT text) in a language; the same language again replaces them.

    Raises ValueError when the text is no WebVTT (W3C WebVTT §4.1: it begins with WEBVTT) or
    `lang` is no language tag.
    """
    text = vtt.removeprefix("\ufeff").lstrip().replace("\r\n", "\n").replace("\r", "\n")
    if not re.match(r"WEBVTT([ \t\n]|$)", text):
        raise ValueError("no WebVTT: the first line must be WEBVTT")
    if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", lang):
        raise ValueError(f"no language tag: {lang}")
    row, _new = Captions.objects.update_or_create(
        asset=asset, lang=lang, defaults={"vtt": text, "label": label}
    )
    return row
