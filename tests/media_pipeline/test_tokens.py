"""Tokens in the path: bound to asset, member, epoch and moment; the same for Django and nginx."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_pipeline.delivery import parse_range
from media_pipeline.errors import TokenExpired, TokenInvalid
from media_pipeline.tokens import Grant, Keys, read_token, sign

ASSET, OTHER = "5f0c2b9e-8a2f-4d52-9a44-0d0f2c7f4c11", "11111111-8a2f-4d52-9a44-0d0f2c7f4c11"
PLAIN, BOTH = Keys("k"), Keys("k", nginx="n")
GRANT = Grant(ASSET, "ab12", 1000, epoch="e0e0")
TOKEN = sign(GRANT, keys=PLAIN)


def read(token=TOKEN, asset=ASSET, file="v/master.m3u8", now=999, keys=PLAIN):
    return read_token(token, asset=asset, file=file, now=now, keys=keys)


@pytest.mark.parametrize("keys", [PLAIN, BOTH])
def test_good_until_its_last_second(keys):
    token = sign(GRANT, keys=keys)

    assert read(token, keys=keys) == GRANT
    assert read(token, keys=keys, now=1000).member == "ab12"
    with pytest.raises(TokenExpired):
        read(token, keys=keys, now=1001)


def changed(token, place, new):
    parts = token.split("-", 4)
    parts[place] = new
    return "-".join(parts)


@pytest.mark.parametrize(
    "forged",
    [
        changed(TOKEN, 0, "1001"),
        changed(TOKEN, 0, "zz"),
        changed(TOKEN, 0, "01000"),
        changed(TOKEN, 0, "9" * 40),
        changed(TOKEN, 1, "cd34"),
        changed(TOKEN, 2, "0"),
        changed(TOKEN, 3, "p"),
        changed(TOKEN, 3, "k"),
        changed(TOKEN, 4, "A" * 32),
        changed(TOKEN, 4, "囧" * 32),
        TOKEN + "A" * 22,
        TOKEN + "\n",
        "", "-", "----", "a-b",
    ],
)  # fmt: skip
def test_forged(forged):
    with pytest.raises(TokenInvalid):
        read(forged)


@given(place=st.integers(0, 200), letter=st.sampled_from("0aZ-_k"))
def test_no_changed_letter_is_believed(place, letter):
    token = sign(GRANT, keys=BOTH)
    place %= len(token)
    other = token[:place] + letter + token[place + 1 :]
    if other != token:
        with pytest.raises(TokenInvalid):
            read(other, keys=BOTH)


def test_of_another_asset_or_another_key():
    with pytest.raises(TokenInvalid):
        read(asset=OTHER)
    with pytest.raises(TokenInvalid):
        read(keys=Keys("other"))
    with pytest.raises(TokenInvalid):
        read(sign(GRANT, keys=BOTH), keys=Keys("k", nginx="other"))
    with pytest.raises(TokenInvalid):
        read(keys=BOTH)  # signed before nginx served: a reload gets a fresh one


def test_who_has_nginx_secret_forges_nothing_that_django_believes():
    with pytest.raises(TokenInvalid):
        read(sign(GRANT, keys=Keys("guessed", nginx="n")), keys=BOTH)


def test_nginx_is_told_what_its_manual_says():
    # openssl md5 -binary | openssl base64 | tr +/ -_ | tr -d =   (ngx_http_secure_link_module)
    import base64
    import hashlib

    token = sign(GRANT, keys=BOTH)
    told = base64.b64encode(hashlib.md5(f"{token[:-22]} {ASSET} n".encode()).digest()).decode()
    assert token[-22:] == told.translate(str.maketrans("+/", "-_")).rstrip("=")


def test_a_poster_token_opens_the_poster_only():
    token = sign(Grant(ASSET, "0", 1000, only="poster.jpg"), keys=PLAIN)

    assert read(token, file="v/poster.jpg").only == "poster.jpg"
    with pytest.raises(TokenInvalid):
        read(token, file="v/master.m3u8")
    with pytest.raises(TokenInvalid):
        read(changed(token, 3, "a"))


def test_only_a_key_token_says_that_it_opens_keys():
    assert read(sign(Grant(ASSET, "ab12", 1000, key=True), keys=PLAIN)).key
    assert not read().key


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
