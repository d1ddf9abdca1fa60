"""Tokens in the path: bound to asset, member and moment."""

import pytest

from media_pipeline.delivery import parse_range
from media_pipeline.errors import TokenExpired, TokenInvalid
from media_pipeline.tokens import Grant, read_token, sign

ASSET, OTHER = "5f0c2b9e-8a2f-4d52-9a44-0d0f2c7f4c11", "11111111-8a2f-4d52-9a44-0d0f2c7f4c11"
TOKEN = sign(Grant(ASSET, "ab12", 1000), key="k")


def read(token=TOKEN, asset=ASSET, file="v/master.m3u8", now=999, key="k"):
    return read_token(token, asset=asset, file=file, now=now, key=key)


def test_good_until_its_last_second():
    assert read() == Grant(ASSET, "ab12", 1000)
    assert read(now=1000).member == "ab12"
    with pytest.raises(TokenExpired):
        read(now=1001)


def changed(token, place, new):
    parts = token.split("-", 3)
    parts[place] = new
    return "-".join(parts)


@pytest.mark.parametrize(
    "forged",
    [
        changed(TOKEN, 0, "ffffff"),
        changed(TOKEN, 0, "zz"),
        changed(TOKEN, 1, "cd34"),
        changed(TOKEN, 2, "p"),
        changed(TOKEN, 3, "A" * 32),
        changed(TOKEN, 3, "囧"),
        "", "-", "---", "a-b",
    ],
)  # fmt: skip
def test_forged(forged):
    with pytest.raises(TokenInvalid):
        read(forged)


def test_of_another_asset_or_another_key():
    with pytest.raises(TokenInvalid):
        read(asset=OTHER)
    with pytest.raises(TokenInvalid):
        read(key="other")


def test_a_poster_token_opens_the_poster_only():
    token = sign(Grant(ASSET, "0", 1000, only="poster.jpg"), key="k")

    assert read(token, file="v/poster.jpg").only == "poster.jpg"
    with pytest.raises(TokenInvalid):
        read(token, file="v/master.m3u8")
    with pytest.raises(TokenInvalid):
        read(changed(token, 2, "a"))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", (0, 0)), ("bytes=0-", (0, 99)), ("bytes=90-200", (90, 99)), ("bytes=-10", (90, 99)),
        ("bytes=-1000", (0, 99)), ("bytes=5-2", None), ("bytes=-", None), ("bytes=0-1,5-6", None),
        ("items=0-1", None), ("", None),
    ],
)  # fmt: skip
def test_ranges(header, expected):
    assert parse_range(header, 100) == expected


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=-0", "bytes=500-600"])
def test_ranges_outside(header):
    with pytest.raises(ValueError):
        parse_range(header, 100)
