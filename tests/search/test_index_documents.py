"""Documents and captions of another system: `manage.py index_documents`, and /api/search/?index=…"""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from search import foreign
from search.engines.current import engine
from search.errors import IndexMissing

pytestmark = pytest.mark.django_db
on_both_engines = pytest.mark.usefixtures("engine_kind")

LAWS = [
    {
        "id": "a1",
        "kind": "law",
        "title": "消防法",
        "body": "任何单位和个人都有维护消防安全的义务。",
        "category": "法律",
        "date": "2008-10-28",
    },
    {"id": "a2", "kind": "law", "title": "安全生产法", "body": "安全生产工作应当以人为本。", "date": "2002"},
    {"id": 7, "kind": "notice", "body": "关于开展消防安全检查的通知，各单位应当自查。"},
]
SAID = [
    "同志们好",
    "今天讲三件事",
    "第一件是消防安全",
    "楼道里不能堆放杂物",
    "第二件是防范电信诈骗",
    "不要轻信陌生来电",
    "第三件是垃圾分类",
    "厨余垃圾单独投放",
    "谢谢大家",
]
CUES = [
    {"video": "v1", "start": number * 4, "end": number * 4 + 3.5, "text": text}
    for number, text in enumerate(SAID)
]


@pytest.fixture
def write(tmp_path):
    def written(lines, name="portal.jsonl", *, start=b""):
        path = tmp_path / name
        rows = [
            line if isinstance(line, bytes) else json.dumps(line, ensure_ascii=False).encode()
            for line in lines
        ]
        path.write_bytes(start + b"\n".join(rows))
        return path

    return written


def load(*paths, **options):
    """Run the command; what it said on stdout and stderr."""
    out, errors = StringIO(), StringIO()
    call_command("index_documents", *map(str, paths), stdout=out, stderr=errors, **options)
    return out.getvalue(), errors.getvalue()


def refused(*paths, **options):
    """Run the command that must not succeed; (exit status, what was said)."""
    errors = StringIO()
    with pytest.raises(CommandError) as told:
        call_command("index_documents", *map(str, paths), stdout=StringIO(), stderr=errors, **options)
    return told.value.returncode, f"{errors.getvalue()}{told.value}"


def ask(q, *, client=None, index="portal", **more):
    answer = (client or Client()).get("/api/search/", {"q": q, "index": index, **more})
    return answer.json() | {"status": answer.status_code}


def ids(answer):
    return [one["id"] for one in answer["results"]]


@on_both_engines
def test_documents_are_found_with_what_stood_in_their_lines(write):
    said, _errors = load(write(LAWS))

    assert said.startswith("索引“portal”：3 篇文档，0 条字幕")
    answer = ask("消防安全")
    assert set(ids(answer)) == {"a1", "7"}
    assert (answer["total"], answer["counts"]) == (2, {"law": 1, "notice": 1})
    law = next(one for one in answer["results"] if one["id"] == "a1")
    assert (law["kind"], law["title"], law["category"]) == ("law", "消防法", "法律")
    assert (law["published_on"], law["url"], law["start"]) == ("2008-10-28", "", None)
    assert "<mark>消防安全</mark>" in law["excerpt_html"] and law["score"] > 0
    assert ids(ask("消防安全", kind="notice")) == ["7"]
    assert ask("以人为本")["results"][0]["published_on"] == "2002-01-01"


def test_a_document_without_title_is_shown_by_its_beginning(write):
    load(write(LAWS))
    assert ask("各单位自查")["results"][0]["title"] == "关于开展消防安全检查的通知，各单位应当自查。"


@on_both_engines
def test_a_sentence_leads_to_its_second(write):
    load(write([*CUES, *LAWS]))
    (hit,) = ask("电信诈骗", kind="cue")["results"]
    assert (hit["video"], hit["start"], hit["end"]) == ("v1", 16, 19.5)
    assert (hit["kind"], hit["title"]) == ("cue", "v1")
    assert "防范<mark>电信诈骗</mark>" in hit["excerpt_html"]


def test_cues_may_lie_scattered_and_in_two_files(write):
    first, second = write(CUES[::-2]), write([*LAWS, *CUES[1::2]], "more.jsonl")
    load(first, second, index="portal")
    assert [ask(text, kind="cue")["results"][0]["start"] for text in SAID[2:7]] == [8, 12, 16, 20, 24]


@on_both_engines
def test_in_a_list_of_all_kinds_the_places_of_a_lecture_stand_together(write):
    elsewhere = [
        {**cue, "video": "v2", "start": cue["start"] + 100, "end": cue["end"] + 100} for cue in CUES[:4]
    ]
    again = {"video": "v1", "start": 60, "end": 64, "text": "最后再说一遍消防安全"}
    far = [{"video": "v1", "start": 40 + n, "end": 41 + n, "text": "休息片刻"} for n in range(8)]
    load(write([*CUES, *far, again, *elsewhere, *LAWS]))

    together = ask("消防安全")
    apart = ask("消防安全", kind="cue")

    lectures = [one for one in together["results"] if one["kind"] == "cue"]
    assert sorted(one["video"] for one in lectures) == ["v1", "v2"]
    first = next(one for one in lectures if one["video"] == "v1")
    assert sorted(moment["start"] for moment in first["moments"]) == [8, 60]
    assert first["moments"][0]["start"] == first["start"]
    assert together["counts"] == {"cue": 3, "law": 1, "notice": 1}
    assert (together["total"], len(together["results"]), together["pages"]) == (5, 4, 1)
    assert sorted((one["video"], one["start"]) for one in apart["results"]) == [
        ("v1", 8),
        ("v1", 60),
        ("v2", 108),
    ]
    assert (apart["total"], apart["counts"]["cue"], apart["pages"]) == (3, 3, 1)


@on_both_engines
def test_pages_of_places_follow_one_another_without_gap_or_repetition(write):
    cues = [
        {"video": f"v{number % 7}", "start": number, "end": number + 1, "text": f"第{number}次说到消防安全"}
        for number in range(70)
    ]
    load(write(cues))
    seen = []
    for page in range(1, 20):
        answer = ask("消防安全", kind="cue", page=page, size=9)
        seen += [(one["video"], one["start"]) for one in answer["results"]]
        if page == answer["pages"]:
            break
    assert len(seen) == len(set(seen)) == answer["total"]


def test_a_video_takes_the_title_and_address_of_what_was_loaded_with_it(write):
    lecture = {"id": "v1", "kind": "lecture", "title": "社区安全第一讲", "body": "三件事"}
    cues = [{**cue, "url": "https://old.example.com/v1"} for cue in CUES]
    load(write([*cues, lecture]))
    (hit,) = ask("电信诈骗", kind="cue")["results"]
    assert (hit["title"], hit["url"]) == ("社区安全第一讲", "https://old.example.com/v1#t=16")
    assert ask("社区安全第一讲")["counts"] == {"lecture": 1}


@on_both_engines
def test_loading_again_replaces_documents_and_whole_videos(write):
    load(write([*CUES, *LAWS]))
    changed = {**LAWS[0], "title": "防火法", "body": "森林防火人人有责。"}
    load(write([changed, *({**cue, "text": cue["text"].replace("诈骗", "服务")} for cue in CUES[:5])]))

    assert "a1" not in ids(ask("消防法"))
    assert ids(ask("森林防火")) == ["a1"]
    assert ids(ask("以人为本")) == ["a2"]
    assert ids(ask("陌生来电")) == ids(ask("垃圾分类")) == []
    assert ask("电信服务", kind="cue")["results"][0]["start"] == 16


@on_both_engines
def test_replace_forgets_what_was_there(write):
    load(write([*CUES, *LAWS]))
    load(write(LAWS[:1]), replace=True)
    assert ids(ask("消防法")) == ["a1"]
    assert ids(ask("以人为本")) == ids(ask("电信诈骗")) == []


def test_of_two_lines_of_the_same_document_the_last_one_counts(write):
    load(write([LAWS[0], {**LAWS[0], "title": "改过的标题"}]))
    answer = ask("消防安全")
    assert [one["title"] for one in answer["results"]] == ["改过的标题"]


@on_both_engines
def test_what_is_for_members_is_found_by_those_who_are_signed_in(write, member_in):
    load(write([*LAWS, *CUES]), access="members")
    inside = Client()
    inside.force_login(member_in("11"), backend="people.sign_in.UsernameOrPhoneBackend")
    assert (ask("消防安全")["total"], ask("消防安全")["counts"]) == (0, {})
    assert ask("消防安全", client=inside)["counts"].keys() == {"law", "notice", "cue"}


def test_the_site_s_own_index_knows_nothing_of_it(write, library):
    from search import api

    api.rebuild()
    load(write([{"id": "x", "kind": "book", "title": "楼道消防安全"}]))
    assert ids(ask("楼道消防", index="")) == ["1"] and ids(ask("楼道消防")) == ["x"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "不是 JSON"),
        (b"[1, 2]", "不是 JSON 对象"),
        (b"\xff\xfe{\x00", "UTF-8"),
        (b"[" * 100_000, "不是 JSON"),
        (b'{"video": "v", "start": NaN, "end": 2, "text": "x"}', "不是 JSON"),
        ({"kind": "law", "title": "t"}, "缺少“id”"),
        ({"id": "1", "title": "t"}, "缺少“kind”"),
        ({"id": "1", "kind": "law"}, "“title”和“body”都没有"),
        ({"id": ["1"], "kind": "law", "title": "t"}, "“id”必须是文字或整数"),
        ({"id": "1", "kind": "law", "title": 5}, "“title”必须是引号里的文字"),
        ({"id": "1", "kind": "law", "title": "t", "date": "去年"}, "“date”"),
        ({"id": "1", "kind": "law", "title": "t", "date": "2019-13-01"}, "“date”"),
        ({"id": "x" * 121, "kind": "law", "title": "t"}, "120"),
        ({"video": "v", "start": "0:12", "end": 2, "text": "x"}, "“start”必须是"),
        ({"video": "v", "start": True, "end": 2, "text": "x"}, "“start”必须是"),
        ({"video": "v", "start": 5, "end": 2, "text": "x"}, "早于"),
        ({"video": "v", "start": 1, "end": 2, "text": " "}, "“text”"),
    ],
)
def test_a_bad_line_is_told_and_nothing_is_loaded(write, line, reason):
    load(write(LAWS[:1]))
    status, said = refused(write([LAWS[1], b"", line]))
    assert status == 1
    assert "portal.jsonl，第 3 行" in said and reason in said
    assert ids(ask("以人为本")) == [] and ids(ask("消防法")) == ["a1"]


def test_bad_lines_can_be_left_out_and_are_counted(write):
    said, errors = load(write([b"{", *LAWS, {"id": 1}]), skip_bad=True)
    assert "3 篇文档" in said and "略过 2 行" in said
    assert "第 1 行" in errors and "第 5 行" in errors
    assert ask("消防安全")["total"] == 2


def test_odd_but_readable_lines(write):
    odd = [
        {
            "id": "1",
            "kind": "law",
            "title": "消防\x00安全\ud800条例",
            "body": "甲" * 300_000,
            "date": "2019-10-01T08:00",
        },
        {
            "id": "2",
            "kind": "law",
            "title": "消防安全细则",
            "body": None,
            "date": 1998,
            "more": {"deep": [1]},
        },
        b'\t{"id": "3", "kind": "law", "title": "\\u6d88\\u9632\\u5b89\\u5168"}\r',
    ]
    lines = [json.dumps(line).encode() if isinstance(line, dict) else line for line in odd]
    load(write(lines, start=b"\xef\xbb\xbf"))
    found = {one["id"]: one["published_on"] for one in ask("消防安全")["results"]}
    assert found == {"1": "2019-10-01", "2": "1998-01-01", "3": ""}


def test_a_line_longer_than_can_be_held_is_told(write, monkeypatch):
    monkeypatch.setattr(foreign, "LONGEST_LINE", 200)
    status, said = refused(write([b'{"id": "' + b"x" * 900 + b'"}', LAWS[0]]))
    assert (status, "第 1 行" in said, "第 2 行" in said) == (1, True, False)


def test_calls_that_cannot_be_done(write, tmp_path):
    assert refused(tmp_path / "none.jsonl")[0] == 1
    assert refused(write([]))[0] == 1
    status, said = refused(write(LAWS), index="../x")
    assert status == 2 and "--index" in said
    with engine("portal").exclusively():
        status, said = refused(write(LAWS))
    assert status == 3 and "稍后" in said
    with pytest.raises(IndexMissing):
        engine("portal").verify()


def test_titles_are_offered_while_typing(write):
    load(write(LAWS))
    offered = Client().get("/api/search/suggest", {"q": "anquan", "index": "portal"}).json()
    assert [one["title"] for one in offered["suggestions"]] == ["安全生产法"]
    unknown = Client().get("/api/search/suggest", {"q": "anquan", "index": "none"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "INDEX_UNKNOWN")


def test_the_name_of_the_file_is_the_name_of_the_index(write):
    assert "“old-portal-2019”" in load(write(LAWS, "Old Portal 2019.jsonl"))[0]
    assert ask("消防法", index="old-portal-2019")["total"] == 1
    assert refused(write(LAWS, "门户.jsonl"))[0] == 2


def test_the_site_s_other_indexes_cannot_be_loaded_or_asked(write):
    status, said = refused(write(LAWS), index="boxes")
    assert status == 2 and "“boxes”" in said
    assert ask("消防", index="boxes")["code"] == "INDEX_UNKNOWN"


def test_what_the_documentation_shows_is_what_is_answered(write):
    load(write([*LAWS, *CUES]))
    told = Client().get("/api/openapi.json").json()["paths"]["/api/search/"]["get"]
    shown = {
        status: one["content"]["application/json"]["example"] for status, one in told["responses"].items()
    }
    assert set(shown) == {"200", "404", "422", "503"}
    answered = ask("电信诈骗", kind="cue")
    assert shown["200"].keys() == answered.keys() - {"status"}
    assert shown["200"]["results"][0].keys() == answered["results"][0].keys()
    assert shown["200"]["results"][0]["moments"][0].keys() == answered["results"][0]["moments"][0].keys()
    assert shown["404"]["message"] == ask("消防", index="old")["message"]


def test_an_index_that_is_none(write):
    unknown = ask("消防", index="none")
    assert (unknown["status"], unknown["code"], unknown["message"]) == (
        404,
        "INDEX_UNKNOWN",
        "没有名为“none”的索引。",
    )
    unfit = ask("消防", index="../none")
    assert (unfit["status"], unfit["code"]) == (422, "INDEX_NAME_UNFIT")


def test_a_load_that_breaks_off_leaves_the_index_as_it_was(write, monkeypatch):
    load(write(LAWS))
    monkeypatch.setattr(foreign, "entries", lambda documents: (1 / 0 for _ in documents))
    for replace in (False, True):
        with pytest.raises(ZeroDivisionError):
            load(write([{**LAWS[0], "title": "别的"}, *CUES]), replace=replace)
    assert ids(ask("消防法")) == ["a1"] and ask("电信诈骗")["total"] == 0
    assert len(list(engine("portal").folder.glob("index-*"))) == 1
