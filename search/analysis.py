"""The only analyser: text to tokens, the same for documents and queries and for every engine. Pure.

Why so: an unbroken run of Han characters is one token to ordinary analysers, so they find next to
nothing in Chinese. Ours gives overlapping pairs of characters (which find everything), words
(which rank well), and for titles the pinyin and its initials (which forgive what the input method
did). Engines get the tokens ready-made, parted by blanks.
"""

import hashlib
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import version as version_of
from pathlib import Path

import rjieba
from pypinyin import Style, lazy_pinyin

__all__ = [
    "VERSION",
    "Added",
    "added",
    "bigrams",
    "blurred",
    "characters",
    "content",
    "everyday",
    "initials",
    "is_question",
    "is_told",
    "is_word",
    "normalise",
    "normalise_with_positions",
    "plain",
    "rarity",
    "runs",
    "stop_words",
    "syllable_pairs",
    "syllables",
    "synonyms",
    "telling_characters",
    "trigrams",
    "unbroken",
    "use_added",
    "words",
]

LEXICON = Path(__file__).parent / "lexicon"

_STEP = 3
"""Raise by one whenever the tokens of the same text come out differently."""

HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_RUN = re.compile(f"[{HAN}]+|[a-z0-9]+")
_HAN = re.compile(f"[{HAN}]")
_BROKEN = re.compile(f"(?<=[{HAN}]) (?=[{HAN}])")
_QUESTION = re.compile(
    "[?？]|吗|呢$|什么|怎么|怎样|如何|为何|谁|哪|是否|能否|可否|多[少久长大高远]|"
    "几[个次天年月种条项类档人岁步位门成级倍毛块周件户家日点小分]|"
    "能不能|是不是|有没有|会不会|要不要|算不算|该不该|请问"
)


SHORTEST_SENTENCE = 6
"""Characters from which on a query may be a sentence."""


def plain(text: str) -> str:
    """`text` without NUL, other controls, invisible signs and lone surrogates; every white space is a blank."""
    if text.isprintable():  # most text, and twenty times as quick
        return text
    return "".join(
        " " if one.isspace() else one
        for one in text
        if one.isspace() or unicodedata.category(one) not in _UNFIT
    )


_UNFIT = {"Cc", "Cf", "Cs", "Cn"}


def normalise(text: str) -> str:
    """`text` in the one form that is compared: compatibility forms (full width becomes half), lower case,
    no accents (mínzhǔ → minzhu), single blanks."""
    return " ".join(_folded(plain(text)).split())


def _folded(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text).casefold()
    return "".join(one for one in apart if unicodedata.category(one) != "Mn")


@lru_cache(maxsize=20_000)
def _folded_character(one: str) -> str:
    return _folded(one)


def normalise_with_positions(text: str) -> tuple[str, Sequence[int]]:
    """Normalised character by character, and for each resulting character its place in `text`."""
    parts = list(map(_folded_character, text))
    folded = "".join(parts)
    if len(folded) == len(parts) and "" not in parts:  # one for one, as nearly always
        return folded, range(len(parts))
    return folded, [place for place, part in enumerate(parts) for _ in part]


def runs(text: str) -> Iterator[str]:
    """The unbroken runs of normalised `text`: of Han characters, or of Latin letters and digits."""
    return (found.group() for found in _RUN.finditer(text))


def unbroken(text: str) -> str:
    """Normalised `text` without blanks between Han characters: lines of a PDF and of captions end anywhere."""
    return _BROKEN.sub("", text)


def is_han(token: str) -> bool:
    """Whether `token` begins with a Han character."""
    return bool(_HAN.match(token))


def is_question(text: str) -> bool:
    """Whether normalised `text` asks something, as 预备党员转正需要什么材料; questions are weighed otherwise."""
    return bool(_QUESTION.search(text))


def is_told(text: str) -> bool:
    """Whether normalised `text` is what somebody says in a sentence (邻居装摄像头对着我家门口), not keywords."""
    if len(text) < SHORTEST_SENTENCE or " " in text:
        return False
    return any(word in sentence_words() for word in _segmenter().cut(text))


def bigrams(text: str) -> list[str]:
    """Overlapping pairs of Han characters (a lone one by itself), other runs whole: 民主集中 → 民主 主集 集中."""
    found: list[str] = []
    for run in runs(text):
        if is_han(run) and len(run) > 1:
            found.extend(run[place : place + 2] for place in range(len(run) - 1))
        else:
            found.append(run)
    return found


def characters(text: str) -> list[str]:
    """The Han characters of normalised `text`, in their order."""
    return _HAN.findall(text)


def telling_characters(text: str) -> list[str]:
    """The Han characters of normalised `text` that are no stop words by themselves.

    They join what people say to what rules say: 租房 and 承租人 have only 租 in common.
    """
    return [one for one in _HAN.findall(text) if one not in stop_words()]


_DICTIONARY_TOTAL = 6e7
"""About the sum of all frequencies in jieba's dictionary."""


@dataclass(frozen=True, eq=False)
class Added:
    """What editors added to the files of search/lexicon, normalised: words, and for a term the phrases also meant.

    One object for one state of it: what is made of it is kept by the object's identity.
    """

    words: tuple[str, ...] = ()
    synonyms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def stamp(self) -> str:
        """Names the words (not the synonyms, which no index holds); "" for none."""
        return hashlib.sha256("\n".join(sorted(self.words)).encode()).hexdigest()[:12] if self.words else ""


_added = Added()


def use_added(added: Added) -> None:
    """From now on analyse in this process with `added` beside the files (search.words.vocabulary keeps it fresh)."""
    global _added
    _added = added


def added() -> Added:
    """What is used beside the files just now."""
    return _added


def _segmenter() -> rjieba.Jieba:
    return _segmenter_with(_added)


@lru_cache(maxsize=2)
def _segmenter_with(added: Added) -> rjieba.Jieba:
    segmenter = rjieba.Jieba()
    for word in (*_lines("words.txt"), *added.words):
        segmenter.add_word(word, max(20_000, segmenter.suggest_freq(word)), "n")
    return segmenter


def words(text: str) -> list[str]:
    """Words of normalised `text` and the shorter words inside long ones; stop words left out.

    三会一课 is a word because search/lexicon/words.txt says so.
    """
    return [
        word
        for word in _segmenter().cut_for_search(text)
        if _RUN.fullmatch(word) and word not in stop_words()
    ]


def is_word(text: str) -> bool:
    """Whether normalised `text` as a whole is one word of the dictionary or of our lexicon (民主), not put together."""
    return len(text) > 1 and _segmenter().cut(text, False) == [text]


def rarity(word: str) -> float:
    """How seldom `word` is in Chinese text at large: from about 6 (我们) to 18 (in no dictionary). A logarithm."""
    return math.log(_DICTIONARY_TOTAL / max(1, _segmenter().suggest_freq(word)))


def content(text: str) -> list[str]:
    """Parts of normalised `text` that are left when stop words are cut out: 转正需要什么材料 → 转正需要, 材料."""
    parts = [""]
    for word in _segmenter().cut(text):
        if word in stop_words() or not _RUN.fullmatch(word):
            parts.append("")
        else:
            parts[-1] += word
    return [part for part in parts if part]


@lru_cache(maxsize=1)
def stop_words() -> frozenset[str]:
    """Words that say nothing about what is looked for (search/lexicon/stop_words.txt)."""
    return frozenset(_lines("stop_words.txt"))


def synonyms() -> dict[str, tuple[str, ...]]:
    """For each term the phrases that are also meant (search/lexicon/synonyms.txt, and what editors added)."""
    return _synonyms_with(_added)


@lru_cache(maxsize=2)
def _synonyms_with(added: Added) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for line in _lines("synonyms.txt"):
        if ">" in line:
            term, _, parts = line.partition(">")
            found.setdefault(normalise(term), []).extend(normalise(parts).split())
        else:
            group = [normalise(one) for one in line.split("=")]
            for term in group:
                found.setdefault(term, []).extend(one for one in group if one != term)
    for term, phrases in added.synonyms.items():
        found.setdefault(term, []).extend(phrases)
    return {term: tuple(dict.fromkeys(phrases)) for term, phrases in found.items()}


@lru_cache(maxsize=1)
def sentence_words() -> frozenset[str]:
    """Words of spoken sentences that titles and keywords do without (search/lexicon/sentence_words.txt)."""
    return frozenset(_lines("sentence_words.txt"))


@lru_cache(maxsize=1)
def everyday() -> dict[str, tuple[str, ...]]:
    """For each everyday word the official ones that rules use instead (search/lexicon/everyday*.txt)."""
    found: dict[str, list[str]] = {}
    for line in (line for file in sorted(LEXICON.glob("everyday*.txt")) for line in _lines(file.name)):
        said, _, official = line.partition(">")
        for word in normalise(said).split():
            found.setdefault(word, []).extend(normalise(official).split())
    return {word: tuple(dict.fromkeys(phrases)) for word, phrases in found.items()}


def syllables(text: str) -> list[str]:
    """Pinyin without tones for each Han character of normalised `text`, other runs whole, the rest left out."""
    found: list[str] = []
    for run in runs(text):
        found.extend(_spoken(run) if is_han(run) else [run])
    return found


@lru_cache(maxsize=4096)
def _spoken(run: str) -> tuple[str, ...]:
    # One list of hits asks for the same runs again and again: of the query, of cues in overlapping windows.
    return tuple(lazy_pinyin(run, style=Style.NORMAL, v_to_u=False))


def syllable_pairs(text: str, *, apart: int = 1) -> list[str]:
    """Pairs of `syllables` so far `apart`, without what dialects mix up: 民主集中 → min_zu zu_ji ji_zon; none of a lone one.

    Far rarer than trigrams of letters (ong is in every second title), so a search for what sounds alike is quick.
    """
    sounds = [blurred(one) for one in syllables(text)]
    return [f"{one}_{other}" for one, other in zip(sounds, sounds[apart:], strict=False)]


@lru_cache(maxsize=20_000)
def blurred(syllable: str) -> str:
    """A syllable as those hear it who do not tell zh from z, ch from c, sh from s, l from n, or -ng from -n."""
    for clear, blurred in (("zh", "z"), ("ch", "c"), ("sh", "s"), ("l", "n")):
        if syllable.startswith(clear):
            syllable = blurred + syllable.removeprefix(clear)
            break
    return syllable[:-1] if syllable.endswith("ng") else syllable


def initials(text: str) -> str:
    """First letters of the syllables of normalised `text`, other runs whole: VR民主集中制 → vrmzjzz."""
    return "".join(
        "".join(lazy_pinyin(run, style=Style.FIRST_LETTER)) if is_han(run) else run for run in runs(text)
    )


def trigrams(letters: str, *, start: bool = True) -> list[str]:
    """Overlapping triples of `letters`; with `start` the beginning is marked by ^, so that prefixes count more."""
    marked = f"^{letters}" if start else letters
    if len(marked) <= 3:
        return [marked] if letters else []
    return [marked[place : place + 3] for place in range(len(marked) - 2)]


def _lines(name: str) -> list[str]:
    text = (LEXICON / name).read_text(encoding="utf-8")
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _version() -> str:
    lexicon = (LEXICON / "words.txt").read_bytes() + (LEXICON / "stop_words.txt").read_bytes()
    parts = [str(_STEP), version_of("rjieba"), version_of("pypinyin"), unicodedata.unidata_version]
    return ".".join([*parts, hashlib.sha256(lexicon).hexdigest()[:8]])


VERSION = _version()
"""What the tokens depend on: this file's step, the dictionaries, our lexicon. Stands in every index.

Editors' words are not in it: they only change how results are ranked, so that an index made without the
newest of them is used until the worker has made a new one (search.words)."""
