"""Captions by the door of the room: who wins, what is kept, what is announced, what search reads."""

import pytest

from media_pipeline import api
from media_pipeline.captions import CaptionsRefused, Cue
from media_pipeline.errors import CaptionsChanged
from media_pipeline.models import Captions, CaptionsVersion
from media_pipeline.signals import captions_changed
from people.models import AuditEntry
from tests.factories import MemberFactory, PlayableAssetFactory

pytestmark = pytest.mark.django_db

SRT = "1\n00:00:01,000 --> 00:00:03,000\n同志们好\n\n2\n00:00:03,000 --> 00:00:05,000\n今天学习党张\n"


@pytest.fixture
def asset():
    return PlayableAssetFactory(duration_s=60)


@pytest.fixture
def he():
    return MemberFactory(name="何静")


@pytest.fixture
def told():
    """What captions_changed said: (asset, lang) pairs."""
    heard = []

    def hear(sender, asset, lang, **kwargs):
        heard.append((asset.pk, lang))

    captions_changed.connect(hear)
    yield heard
    captions_changed.disconnect(hear)


def uploaded(asset, actor, **more):
    wanted = {"name": "录课.srt", "data": SRT.encode("gbk"), "lang": "zh-Hans", "actor": actor} | more
    return api.upload_captions(asset, **wanted)


def test_an_uploaded_file_becomes_captions_that_members_get(asset, he, told):
    row = uploaded(asset, he)

    assert row.vtt.startswith("WEBVTT\n\n00:00:01.000 --> 00:00:03.000\n同志们好\n")
    (info,) = api.captions_of(asset)
    assert (info.lang, info.label, info.origin, info.edited, info.count, info.by) == (
        "zh-Hans",
        "中文",
        "FILE",
        False,
        2,
        "何静",
    )
    assert told == [(asset.pk, "zh-Hans")]
    assert [track.lang for track in api.playback(asset, he).captions] == ["zh-Hans"]
    line = AuditEntry.objects.get(action="captions.uploaded")
    assert (line.actor, line.detail["encoding"], line.detail["cues"]) == (he, "gb18030", 2)


def test_a_corrected_word_is_a_new_revision_and_the_old_text_is_kept(asset, he, told):
    uploaded(asset, he)
    info, cues = api.opened_captions(asset, "zh-Hans")
    cues[1] = Cue(cues[1].begin_ms, cues[1].end_ms, "今天学习党章")

    revision = api.save_cues(asset, "zh-Hans", cues, revision=info.revision, actor=he)

    assert revision == info.revision + 1
    assert [cue.text for cue in api.cues(asset, "zh-Hans")] == ["同志们好", "今天学习党章"]
    assert api.captions_of(asset)[0].edited
    (version,) = api.captions_versions(asset)
    assert "党张" in version.vtt
    assert len(told) == 2
    assert api.save_cues(asset, "zh-Hans", cues, revision=revision, actor=he) == revision
    assert len(told) == 2


def test_of_two_editors_one_wins_and_the_other_is_told(asset, he, told):
    uploaded(asset, he)
    info, cues = api.opened_captions(asset, "zh-Hans")
    other = MemberFactory(name="李建国")
    api.save_cues(asset, "zh-Hans", [Cue(0, 1000, "李的")], revision=info.revision, actor=other)
    told.clear()

    with pytest.raises(CaptionsChanged) as changed:
        api.save_cues(asset, "zh-Hans", cues, revision=info.revision, actor=he)

    assert (changed.value.revision, changed.value.by) == (info.revision + 1, "李建国")
    assert [cue.text for cue in api.cues(asset, "zh-Hans")] == ["李的"]
    assert told == []
    assert AuditEntry.objects.filter(action="captions.corrected").count() == 1


def test_two_saves_at_the_same_moment(asset, he, monkeypatch):
    """The second writes between the first one's look and its write, as on a database without row locks."""
    from media_pipeline import caption_texts

    uploaded(asset, he)
    row = Captions.objects.get()
    look = Captions.objects.select_for_update

    def look_and_lose():
        found = list(look().filter(asset=asset))
        Captions.objects.filter(pk=row.pk).update(vtt="WEBVTT\n", revision=row.revision + 1)

        class Seen:
            def filter(self, **kwargs):
                return self

            def first(self):
                return found[0]

        return Seen()

    monkeypatch.setattr(caption_texts.Captions.objects, "select_for_update", look_and_lose)
    with pytest.raises(CaptionsChanged):
        api.save_cues(asset, "zh-Hans", [Cue(0, 1, "我的")], revision=row.revision, actor=he)
    assert "我的" not in Captions.objects.get().vtt
    assert not CaptionsVersion.objects.exists()


def test_a_file_uploaded_over_what_changed_meanwhile_is_refused(asset, he):
    uploaded(asset, he, revision=0)
    with pytest.raises(CaptionsChanged):
        uploaded(asset, he, revision=0, data=b"WEBVTT\n\n00:01.000 --> 00:02.000\nx\n")
    assert Captions.objects.get().revision == 1


def test_what_is_removed_can_be_taken_back(asset, he, told):
    row = uploaded(asset, he)

    assert api.remove_captions(asset, "zh-Hans", revision=row.revision, actor=he)
    assert not api.remove_captions(asset, "zh-Hans", actor=he)
    assert api.cues(asset, "zh-Hans") == []
    with pytest.raises(CaptionsChanged) as changed:
        api.save_cues(asset, "zh-Hans", [Cue(0, 1, "晚了")], revision=row.revision, actor=he)
    assert changed.value.revision == 0

    (version,) = api.captions_versions(asset)
    back = api.restore_captions(asset, version.pk, actor=he)

    assert (back.vtt, back.revision) == (row.vtt, row.revision + 1)
    assert api.captions_versions(asset) == []
    assert told == [(asset.pk, "zh-Hans")] * 3
    trail = [entry.action for entry in AuditEntry.objects.order_by("pk") if "captions" in entry.action]
    assert trail == ["captions.uploaded", "captions.removed", "captions.restored"]


def test_a_restored_text_swaps_places_with_the_one_shown(asset, he):
    first = uploaded(asset, he)
    api.save_cues(asset, "zh-Hans", [Cue(0, 900, "改过")], revision=first.revision, actor=he)
    (old,) = api.captions_versions(asset)

    api.restore_captions(asset, old.pk, actor=he)

    assert [cue.text for cue in api.cues(asset, "zh-Hans")] == ["同志们好", "今天学习党张"]
    (kept,) = api.captions_versions(asset)
    assert "改过" in kept.vtt and kept.edited


def test_ten_versions_are_kept_of_a_language(asset, he):
    revision = uploaded(asset, he).revision
    for number in range(14):
        cues = [Cue(0, 900, f"第 {number} 遍")]
        revision = api.save_cues(asset, "zh-Hans", cues, revision=revision, actor=he)
    uploaded(asset, he, lang="en")

    assert [version.revision for version in api.captions_versions(asset)] == list(range(14, 4, -1))


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"data": b"%PDF-1.7 \x00\x01\x02" * 20}, "NOT_TEXT"),
        ({"lang": "中文"}, "LANGUAGE"),
        ({"data": SRT.replace("00:00", "02:00").encode()}, "ALL_BEYOND"),
        ({"encoding": "utf-8"}, "WRONG_ENCODING"),
    ],
)
def test_a_refused_file_changes_nothing(asset, he, told, more, code):
    with pytest.raises(CaptionsRefused) as refused:
        uploaded(asset, he, **more)

    assert refused.value.code == code
    assert not Captions.objects.exists() and not told
    assert not AuditEntry.objects.filter(action__startswith="captions").exists()


def test_an_editor_cannot_save_nothing(asset, he):
    row = uploaded(asset, he)
    with pytest.raises(CaptionsRefused):
        api.save_cues(asset, "zh-Hans", [Cue(0, 1, " \n ")], revision=row.revision, actor=he)
    assert Captions.objects.get().vtt == row.vtt


def test_search_reads_every_cue_of_every_language(asset, he):
    uploaded(asset, he)
    uploaded(asset, he, lang="en", data=b"WEBVTT\n\n00:01.000 --> 00:02.000\nHello &amp; good day\n")

    rows = list(api.cue_documents(asset))

    assert rows[0] == (asset.uuid, "en", 1000, 2000, "Hello & good day")
    assert [(row.video, row.lang, row.begin_ms) for row in rows[1:]] == [
        (asset.uuid, "zh-Hans", 1000),
        (asset.uuid, "zh-Hans", 3000),
    ]


def test_the_list_needs_one_query(asset, he, django_assert_num_queries):
    for lang in ("zh-Hans", "en", "bo"):
        uploaded(asset, he, lang=lang)
    with django_assert_num_queries(1):  # captions with who changed them
        assert len(api.captions_of(asset)) == 3


def test_old_captions_that_programs_stored_can_be_corrected(asset, he):
    vtt = "WEBVTT\n\nNOTE x\n\n1\n00:01.000 --> 00:02.000 line:0\n<v 张三>好</v>\n"
    api.set_captions(asset, vtt=vtt)
    info, cues = api.opened_captions(asset, "zh-Hans")

    assert cues == [Cue(1000, 2000, "张三：好", "line:0")]
    api.save_cues(asset, "zh-Hans", cues, revision=info.revision, actor=he)
    assert api.cues(asset, "zh-Hans") == cues
