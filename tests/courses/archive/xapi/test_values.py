"""The special data types by table: xAPI 1.0.3 Data 4, IEEE 9274.1.1 §4.2.7, RFC 3339, 3987, 5646."""

from datetime import UTC, datetime

import pytest

from courses.archive.xapi import values


@pytest.mark.parametrize(
    "iri, is_one",
    [
        ("http://example.com", True),
        ("https://例子.cn/课/1?a=b#c", True),
        ("urn:uuid:48fb7b9a-5cf9-4ea9-8a20-fb2d94a7b6e2", True),
        ("tag:example.com,2026:x", True),
        ("mailto:a@example.com", True),
        ("a+b.c-1:x", True),
        ("", False),
        ("should fail", False),
        ("example.com/no-scheme", False),
        ("ab=c://should.fail.com", False),
        ("1http://example.com", False),
        ("http://with space.com", False),
        ("http://example.com/<x>", False),
        ("http://example.com/\x00", False),
        ("http://example.com/x\n", False),
        ("http:", False),
        (12345, False),
        (None, False),
        ({"key": "x"}, False),
    ],
)
def test_an_iri_has_a_scheme_and_no_forbidden_character(iri, is_one):
    assert values.is_iri(iri) is is_one


@pytest.mark.parametrize(
    "mbox, is_one",
    [
        ("mailto:xapi@example.com", True),
        ("mailto:张三@例子.cn", True),
        ("xapi@example.com", False),
        ("mailto:should.fail.com", False),
        ("mailto:a@b@c", False),
        ("mailto:a b@example.com", False),
        ("mailto:", False),
        ("MAILTO:xapi@example.com", False),
        (1, False),
    ],
)
def test_an_mbox_is_mailto_and_an_address(mbox, is_one):
    assert values.is_mailto(mbox) is is_one


@pytest.mark.parametrize(
    "text, is_one",
    [
        ("48fb7b9a-5cf9-4ea9-8a20-fb2d94a7b6e2", True),
        ("48FB7B9A-5CF9-4EA9-8A20-FB2D94A7B6E2", True),
        ("00000000-0000-0000-0000-000000000000", True),
        ("017f22e2-79b0-7cc3-98c4-dc0c0c07398f", True),
        ("AA97B177-9383-4934-8543-0F91A7A028368", False),
        ("MA97B177-9383-4934-8543-0F91A7A02836", False),
        ("48fb7b9a5cf94ea98a20fb2d94a7b6e2", False),
        ("{48fb7b9a-5cf9-4ea9-8a20-fb2d94a7b6e2}", False),
        ("urn:uuid:48fb7b9a-5cf9-4ea9-8a20-fb2d94a7b6e2", False),
        ("48fb7b9a-5cf9-4ea9-8a20-fb2d94a7b6e2\n", False),
        ("", False),
        (12345, False),
    ],
)
def test_a_uuid_is_in_its_standard_form(text, is_one):
    assert (values.parse_uuid(text) is not None) is is_one


@pytest.mark.parametrize(
    "tag, is_one",
    [
        ("en", True),
        ("en-US", True),
        ("zh-Hans-CN", True),
        ("tlh", True),
        ("es-419", True),
        ("de-CH-1901", True),
        ("sl-rozaj-biske", True),
        ("en-a-bbb-x-a", True),
        ("x-whatever", True),
        ("i-klingon", True),
        ("zh-min-nan", True),
        ("und", True),
        ("a12345", False),
        ("de-419-DE", False),
        ("something", False),
        ("zh-z-aaa-c-bbb", True),
        ("zh-z-aaa-z-bbb-c-ccc", False),
        ("ar-a-aaa-b-bbb-a-ccc", False),
        ("de-1901-1901", False),
        ("en-a-bbb-x-a-a", True),
        ("sr-Latn-RS", True),
        ("zh-Hant", True),
        ("es-MX", True),
        ("cmn", True),
        ("a-DE", False),
        ("ar-a-aaa-b-bbb-", False),
        ("en_US", False),
        ("", False),
        ("should fail", False),
        (5, False),
    ],
)
def test_a_language_tag_follows_rfc_5646(tag, is_one):
    assert values.is_language_tag(tag) is is_one


@pytest.mark.parametrize(
    "text, is_one",
    [
        ("PT1H0M0S", True),
        ("PT1H0M0.1S", True),
        ("PT4H35M59.14S", True),
        ("PT16559.14S", True),
        ("P3Y1M29DT4H35M59.14S", True),
        ("P3Y", True),
        ("P4W", True),
        ("P1D", True),
        ("PT0S", True),
        ("PT1,5S", True),
        ("P0.5Y", True),
        ("P4W1D", False),
        ("PA1H0M0S", False),
        ("P", False),
        ("PT", False),
        ("P1DT", False),
        ("P1S", False),
        ("PT1.5H30M", False),
        ("P1.5DT1H", False),
        ("P0003-06-04T12:30:05", False),
        ("1H", False),
        ("-PT1S", False),
        ("", False),
        (3600, False),
    ],
)
def test_a_duration_uses_designators(text, is_one):
    assert values.is_duration(text) is is_one


AT = datetime(2008, 9, 15, 15, 53, 0, 601000, UTC)


@pytest.mark.parametrize(
    "text, iso, rfc",
    [
        ("2008-09-15T15:53:00.601Z", AT, AT),
        ("2008-09-15t15:53:00.601z", AT, AT),
        ("2008-09-15 15:53:00.601+00:00", AT, AT),
        ("2008-09-15T23:53:00.601+08:00", AT, AT),
        ("2008-09-15T12:23:00.601-03:30", AT, AT),
        ("2008-09-15T23:53:00.601+08", AT, None),
        ("2008-09-15T23:53:00.601+0800", AT, None),
        ("20080915T155300.601Z", AT, None),
        ("2008-09-15T15:53:00.601", AT, None),
        ("2008-09-15T15:53:00,601Z", AT, None),
        ("2008-09-15T15:53Z", AT.replace(second=0, microsecond=0), None),
        ("2008-09-15", datetime(2008, 9, 15, tzinfo=UTC), None),
        ("2008-09-15T15:53:00.6010009999Z", AT, AT),
        ("2016-12-31T23:59:60Z",) + (datetime(2016, 12, 31, 23, 59, 59, 0, UTC),) * 2,
        ("2008-09-15T15:53:00.601-00", None, None),
        ("2008-09-15T15:53:00.601-0000", None, None),
        ("2008-09-15T15:53:00.601-00:00", None, None),
        ("01/011/2015", None, None),
        ("2008-13-15T15:53:00Z", None, None),
        ("2008-02-30T15:53:00Z", None, None),
        ("2008-09-15T25:53:00Z", None, None),
        ("2008-09-15T15:53:00+25:00", None, None),
        ("0001-01-01T00:00:00+01:00", None, None),
        ("should fail", None, None),
        ("", None, None),
        (1221493980, None, None),
    ],
)
def test_times_of_iso_8601_and_of_rfc_3339(text, iso, rfc):
    assert values.moment(text) == iso
    assert values.moment(text, rfc3339=True) == rfc


def test_a_moment_is_written_in_utc_with_six_digits():
    assert values.as_text(AT) == "2008-09-15T15:53:00.601000Z"


@pytest.mark.parametrize(
    "text, is_one",
    [
        ("text/plain", True),
        ("text/plain; charset=ascii", True),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", True),
        ('multipart/mixed; boundary="a b"', True),
        ("text", False),
        ("", False),
        ("text/plain\r\nX: y", False),
        (12345, False),
    ],
)
def test_a_media_type(text, is_one):
    assert values.is_media_type(text) is is_one


@pytest.mark.parametrize(
    "digits, is_one", [(40, False), (56, True), (64, True), (96, True), (128, True), (65, False)]
)
def test_a_sha2_digest_has_one_of_four_lengths(digits, is_one):
    assert values.is_sha2("a" * digits) is is_one
    assert not values.is_sha2("g" * digits)
