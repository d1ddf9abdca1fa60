"""Captions as values: what Chinese subtitle tools really write, hostile files, and a round trip for all."""

import codecs
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media_pipeline.captions import CaptionsRefused, Cue, checked, parse_vtt, read, write_srt, write_vtt
from media_pipeline.captions.cue import MAX_TEXT, tidy_settings, tidy_text
from media_pipeline.captions.encoding import decode
from media_pipeline.captions.mending import mended
from media_pipeline.captions.times import milliseconds, timing

SIMPLIFIED = "同志们好，今天我们学习民主集中制。\n民主集中制是党的根本组织原则。\n请大家翻到党章第十条。"
TRADITIONAL = "同志們好，今天我們學習民主集中制。\n民主集中制是黨的根本組織原則。\n請大家翻到黨章第十條。"


def srt(text, *, comma=","):
    lines = text.split("\n")
    return "\n".join(
        f"{n}\n00:00:{n * 3:02}{comma}000 --> 00:00:{n * 3 + 2:02}{comma}500\n{line}\n"
        for n, line in enumerate(lines, start=1)
    )


def words(reading):
    return [cue.text for cue in reading.cues]


# encodings


@pytest.mark.parametrize(
    ("text", "codec", "mark", "found"),
    [
        (SIMPLIFIED, "utf-8", b"", "utf-8"),
        (SIMPLIFIED, "utf-8", codecs.BOM_UTF8, "utf-8"),
        (SIMPLIFIED, "utf-16-le", codecs.BOM_UTF16_LE, "utf-16-le"),
        (SIMPLIFIED, "utf-16-be", codecs.BOM_UTF16_BE, "utf-16-be"),
        (SIMPLIFIED, "utf-16-le", b"", "utf-16-le"),
        (SIMPLIFIED, "utf-16-be", b"", "utf-16-be"),
        (SIMPLIFIED, "gb18030", b"", "gb18030"),
        (SIMPLIFIED, "gbk", b"", "gb18030"),
        (TRADITIONAL, "big5", b"", "big5"),
        (TRADITIONAL, "utf-8", b"", "utf-8"),
        (TRADITIONAL, "gb18030", b"", "gb18030"),
    ],
)
def test_every_encoding_that_editors_meet_is_found(text, codec, mark, found):
    reading = read(mark + srt(text).encode(codec))

    assert (reading.encoding, words(reading)) == (found, text.split("\n"))


COMMON = "的是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经"
COMMON_TRADITIONAL = "的是在不了有和人這中大為上個國我以要他時來用們生到作地於出就分對成會可主發年動同工也能下過子說產種面而方後多定行學法"


@given(st.text(alphabet=COMMON, min_size=12, max_size=60))
@settings(max_examples=60)
def test_short_simplified_files_are_not_taken_for_big5(text):
    assert decode(srt(text).encode("gbk")).text == srt(text)


@given(st.text(alphabet=COMMON_TRADITIONAL, min_size=12, max_size=60))
@settings(max_examples=60)
def test_short_traditional_files_are_not_taken_for_gbk(text):
    assert decode(srt(text).encode("big5")).text == srt(text)


def test_the_library_that_guesses_among_ninety_encodings_does_worse():
    """Why encoding.py has an order of tries of its own; when this fails, charset-normalizer has caught up."""
    from charset_normalizer import from_bytes

    samples = [(SIMPLIFIED, "gbk"), (TRADITIONAL, "big5")]
    samples += [(line, "gbk") for line in SIMPLIFIED.split("\n")]
    samples += [(line, "big5") for line in TRADITIONAL.split("\n")]
    files = [(srt(text), srt(text).encode(codec)) for text, codec in samples]

    ours = sum(decode(data).text == text for text, data in files)
    theirs = sum((best := from_bytes(data).best()) is not None and str(best) == text for text, data in files)

    assert ours == len(files) > theirs


def test_the_editor_may_say_which_encoding_it_is():
    data = srt(SIMPLIFIED).encode("gbk")

    assert words(read(data, encoding="gb18030")) == SIMPLIFIED.split("\n")
    with pytest.raises(CaptionsRefused) as refused:
        read(data, encoding="utf-8")
    assert refused.value.code == "WRONG_ENCODING"


def test_a_file_cut_inside_a_character_is_read():
    data = srt(SIMPLIFIED).encode("gbk").rstrip()[:-1]
    assert words(read(data))[:2] == SIMPLIFIED.split("\n")[:2]
    assert words(read(srt(SIMPLIFIED).encode().rstrip()[:-1]))[:2] == SIMPLIFIED.split("\n")[:2]


# formats


def test_webvtt_with_everything_that_the_standard_allows():
    text = """\ufeffWEBVTT - 民主集中制
Kind: captions

STYLE
::cue { color: red }

REGION
id:fred

NOTE 校对：李
两行注释

00:01.000 --> 00:02.500 line:0 region:fred align:start nonsense:1
<v 张三>同志们<b>好</b></v> &amp; 大家好

开头
01:00:03.000 --> 01:00:04.000
第一行
第二行 <00:01:03.500>卡拉
00:05.000 --> 00:06.000
没有空行
"""
    assert parse_vtt(text) == [
        Cue(1000, 2500, "张三：同志们好 & 大家好", "line:0 align:start"),
        Cue(3603000, 3604000, "第一行\n第二行 卡拉"),
        Cue(5000, 6000, "没有空行"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "1\n00:00:01,000 --> 00:00:02,000\n你好\n\n2\n00:00:03,000 --> 00:00:04,000\n再见",
        "1\r\n00:00:01.000 --> 00:00:02.000\r\n你好\r\n\r\n2\r\n00:00:03.000 --> 00:00:04.000\r\n再见\r\n",
        "1\n00:00:01,000 --> 00:00:02,000\n你好\n2\n00:00:03,000 --> 00:00:04,000\n再见",
        "00:00:01,000 --> 00:00:02,000\n你好\n00:00:03,000 --> 00:00:04,000\n再见",
        "1\n00:00:01，000 -> 00:00:02，000\n你好\n\n\n\n2\n00：00：03,0-->00：00：04,00\n\n再见",
        "1\n0:01 --> 0:02\n<font color=#fff>{\\an2}你好</font>\n\n2\n0:03 --> 0:04\n<i>再见</i>{\\fad(1,2)}",
        "\n\n1\n00:00:01,000 --> 00:00:02,000 X1:40 X2:600 Y1:20\n你好\n\n2\n00:00:03,000 --> 00:00:04,000\n再见\n\n",
    ],
)
def test_sloppy_srt(text):
    reading = read(text.encode())

    assert reading.format == "SRT"
    assert reading.cues == [Cue(1000, 2000, "你好"), Cue(3000, 4000, "再见")]


def test_srt_keeps_numbers_that_are_words_line_ends_of_ass_and_the_upper_edge():
    text = "00:01,0 --> 00:02,0\n今年是\n2026\n00:03,0 --> 00:04,0\n{\\an8}甲\\N乙 3 < 5"
    assert read(text.encode()).cues == [
        Cue(1000, 2000, "今年是\n2026"),
        Cue(3000, 4000, "甲\n乙 3 < 5", "line:0"),
    ]


def test_ass_by_its_format_line_without_comments_and_drawings():
    text = """[Script Info]
Title: 党课
[V4+ Styles]
Format: Name, Fontname, Fontsize
Style: Default,微软雅黑,20
[Events]
Format: Start, End, Layer, Style, Text
Dialogue: 0:00:05.50,0:00:07.00,0,Default,{\\pos(1,2)\\b1}后说，有逗号\\N第二行
Comment: 0:00:01.00,0:00:02.00,0,Default,注释
Dialogue: 0:00:01.00,0:00:02.00,0,Default,{\\an8}先说\\h的
Dialogue: 0:00:03.00,0:00:04.00,0,Default,{\\p1}m 0 0 l 10 0{\\p0}
Dialogue: 0:00:03.00,0:00:04.00,0,Default,画{\\p1}m 0 0{\\p0}完
"""
    reading = read(text.encode("utf-16"))

    assert reading.format == "ASS"
    assert reading.cues == [
        Cue(1000, 2000, "先说 的", "line:0"),
        Cue(3000, 4000, "画完"),
        Cue(5500, 7000, "后说，有逗号\n第二行"),
    ]


def test_old_ssa_and_a_missing_format_line():
    text = "[Events]\nDialogue: Marked=0,0:00:01.00,0:00:02.00,Default,NTP,0000,0000,0000,,你好，同志"
    assert read(text.encode()).cues == [Cue(1000, 2000, "你好，同志")]


@pytest.mark.parametrize(
    ("text", "ms"),
    [("00:00:01.000", 1000), ("1:02,5", 62500), ("100:00:00", 360000000), ("x", None), ("0:00:01.05", 1050)],
)
def test_times(text, ms):
    assert milliseconds(text) == ms


def test_a_line_without_two_times_is_no_timing():
    assert timing("A --> B") is None
    assert timing("00:01 和 00:02") is None


# what is refused, and in which words


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "EMPTY"),
        (b" \r\n", "EMPTY"),
        ("只有文字\n没有时间".encode(), "NO_TIMES"),
        (b"WEBVTT\n\n", "NO_TIMES"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" * 50, "NOT_TEXT"),
        (bytes(range(1, 256)) * 40, "NOT_TEXT"),
        (b"WEBVTT\n\nxx:00 --> 00:10.000\nhi\n", "BAD_TIME"),
        (b"1\n00:00:01,000 --> 00:00:02,000\n\n", "NO_WORDS"),
        (b"00:01.0 --> 00:02.0\n" + "长".encode() * (MAX_TEXT + 1), "TEXT_TOO_LONG"),
        (b"1\n00:00:01,000 --> 00:00:02,000\nhi\n\n" * 130_000, "TOO_BIG"),
        (b"0:1-->0:2\na\n" * 21_000, "TOO_MANY"),
        (b"WEBVTT\n\n" + b"00:01.0 --> 00:02.0\na\n\n" * 21_000, "TOO_MANY"),
        (b"[Events]\n" + b"Dialogue: 0,0:00:01.0,0:00:02.0,,,,,,,a\n" * 21_000, "TOO_MANY"),
    ],
)
def test_what_is_refused(data, code):
    with pytest.raises(CaptionsRefused) as refused:
        read(data)
    assert refused.value.code == code
    assert str(refused.value)


def test_the_first_unreadable_line_is_named():
    with pytest.raises(CaptionsRefused) as refused:
        read("\n\nWEBVTT\n\n第一条\n00:99x --> 00:02.000\n你好".encode())
    assert "第 6 行" in str(refused.value)
    assert "00:99x" in str(refused.value)


def test_unreadable_cues_are_left_out_and_said():
    good = "WEBVTT\n\n00:01.000 --> 00:02.000\n你好\n\n00:03.000 -> --> x\n丢\n"
    reading = read(good.encode())

    assert words(reading) == ["你好"]
    assert [(note.code, note.values["line"]) for note in reading.notes] == [("LINE_LEFT_OUT", 6)]


def test_captions_of_another_lecture_are_refused():
    with pytest.raises(CaptionsRefused) as refused:
        read(srt("你好").encode(), duration_ms=2000)
    assert refused.value.code == "ALL_BEYOND"


# mending


def test_what_players_cannot_show_is_mended_and_said():
    cues, notes = mended(
        [
            Cue(9000, 12000, "拖到片尾"),
            Cue(1000, 4000, "太长"),
            Cue(3000, 3000, "没有长度"),
            Cue(5000, 6000, "中文"),
            Cue(5000, 6000, "English"),
            Cue(7000, 8000, " \n "),
            Cue(20000, 21000, "片尾以后"),
        ],
        duration_ms=10_000,
    )

    assert cues == [
        Cue(1000, 3000, "太长"),
        Cue(3000, 4500, "没有长度"),
        Cue(5000, 6000, "中文\nEnglish"),
        Cue(9000, 10000, "拖到片尾"),
    ]
    assert {note.code: note.values["count"] for note in notes} == {
        "OVERLAPS": 1,
        "NO_LENGTH": 1,
        "MERGED": 1,
        "EMPTY_ONES": 1,
        "BEYOND": 1,
    }


def test_tags_of_the_web_never_come_through():
    hostile = (
        'WEBVTT\n\n00:01.000 --> 00:02.000\n<script>alert(1)</script><img src=x onerror="a">好 &lt;b&gt;\n'
    )
    (cue,) = read(hostile.encode()).cues

    assert cue.text == "alert(1)好 <b>"
    assert "<b>" not in write_vtt([cue])


def test_a_text_that_looks_like_times_or_a_note_stays_text():
    cues = [Cue(0, 1000, "NOTE 00:01.000 --> 00:02.000\nSTYLE"), Cue(1000, 2000, "WEBVTT\n&lt; & <v 张>")]
    assert parse_vtt(write_vtt(cues)) == cues


TEXT = st.text(st.characters(codec="utf-8"), max_size=60).map(tidy_text).filter(bool)
SETTINGS = st.sampled_from(["", "line:0", "align:start", "line:85.5%,end position:10% size:50% vertical:rl"])


@st.composite
def rows(draw):
    begins = sorted(draw(st.lists(st.integers(0, 43_200_000), max_size=12, unique=True)))
    return [Cue(at, at + draw(st.integers(1, 9_000)), draw(TEXT), draw(SETTINGS)) for at in begins]


@given(rows())
@settings(max_examples=150)
def test_what_is_written_is_read_back(cues):
    assert parse_vtt(write_vtt(cues)) == cues
    assert checked(cues) == sorted(cues, key=lambda cue: (cue.begin_ms, cue.end_ms))


@given(
    st.text(max_size=80), st.integers(-(10**9), 10**12), st.integers(-(10**9), 10**12), st.text(max_size=40)
)
@settings(max_examples=150)
def test_whatever_an_editor_sends_is_kept_as_something_that_reads_back(text, begin, end, where):
    kept = checked([Cue(begin, end, text, where)])

    assert parse_vtt(write_vtt(kept)) == kept == checked(kept)


@given(st.binary(max_size=400))
@settings(max_examples=200)
def test_no_file_does_anything_but_cues_or_a_refusal(data):
    for prefix in (b"", b"WEBVTT\n\n00:01.000 --> 00:02.000\n", b"[Events]\nDialogue: ", b"0:1-->0:2\n"):
        try:
            reading = read(prefix + data)
        except CaptionsRefused as refused:
            assert str(refused)
        else:
            assert parse_vtt(write_vtt(reading.cues)) == reading.cues


def test_tidying_twice_is_once_and_nothing_that_turns_text_around_stays():
    assert tidy_text(" a\t\x00b\r\n\r\n\u202ec\ud800\u2028d\ufeff ") == "a b\nc\nd"
    assert tidy_settings("line:0 line:1 region:x size:200 align:center") == "line:0 align:center"


def test_srt_for_other_programs():
    written = write_srt([Cue(61_001, 3_661_500, "一\n二")])
    assert written == "1\r\n00:01:01,001 --> 01:01:01,500\r\n一\r\n二\r\n"
    assert re.match(r"1\r\n", written)
