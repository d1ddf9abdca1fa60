"""Which encoding a captions file is in: UTF-8, UTF-16, GB18030 or Big5. Pure.

An order of tries of our own instead of charset-normalizer: that one guesses among ninety encodings and takes
short Chinese files now for cp949, now for johab (tests/media_pipeline/test_captions.py measures both on
the same files). Captions of a Party school come in four encodings; of these UTF-8 and UTF-16 prove themselves, and the
other two are told apart by which of the two readings looks like Chinese that people write.
"""

import codecs
from dataclasses import dataclass

from media_pipeline.captions.sentences import CaptionsRefused

__all__ = ["ENCODINGS", "Decoded", "decode"]

ENCODINGS = {
    "utf-8": "UTF-8",
    "utf-16-le": "UTF-16 LE",
    "utf-16-be": "UTF-16 BE",
    "gb18030": "GB18030 (GBK)",
    "big5": "Big5",
}
"""What an editor may choose, with the name she knows it by."""

_FREQUENT = frozenset(
    "的一是不了在人有我他这中大来上个国到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后小"
    "么心多天而能好都然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长知民样"
    "现分将外但身些与高意进把法此实回二理美点月明其种声全工己话儿者向情部正名定女问力机给等几很业最间新什打便"
    "位因重被走电四第门相次东政海口使教西再平真听世气信北少关并内加化由却代军产入先山五太水万市眼体别处总才场"
    "师书比住员九笑性通目华报立马命张活难神数件安表原车白应路期叫死常提感金何更反合放做系计或司利受光王果亲界"
    "及今京务制解各任至清物台象记边共风战干接它许八特觉望直服毛林题建南度统色字请交爱让认算论百吃义科怎元社术"
    "结六功指思非流每青管夫连远资队跟带花快条院变联言权往展该领传近留红治决周保达办运武半候七必城父强步完革深"
    "党支委组织章程纪律员课习育群众部志委书记贯彻落实精神坚持领导集"
    "們這個國來說為時學對過後會發還沒樣當開動從現將與實點種聲體幾業間應問給機關東處總場師書員話題數統變聯權"
    "黨組織紀課習眾貫徹導務記論義術結認讓經進並內產車馬長門頭見親電難覺萬電區單"
    "，。、？！：；“”「」『』《》（）…—·"
)


@dataclass(frozen=True)
class Decoded:
    """A file's text and the encoding that it was in (a key of ENCODINGS)."""

    text: str
    encoding: str


def decode(data: bytes, encoding: str = "") -> Decoded:
    """The text of `data`; `encoding` is the editor's choice, "" to find out.

    Order: a byte order mark; UTF-8 without one mistake; UTF-16 by the zero bytes of its times and line ends;
    then GB18030 against Big5. A few broken bytes in the last two are forgiven (cut files). Raises
    CaptionsRefused NOT_TEXT, WRONG_ENCODING, EMPTY.
    """
    if not data.strip(b"\0 \t\r\n"):
        raise CaptionsRefused("EMPTY")
    for mark, named in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if data.startswith(mark) and encoding in {"", named}:
            return Decoded(data[len(mark) :].decode(named, "replace"), named)
    if encoding:
        if encoding not in ENCODINGS:
            raise CaptionsRefused("WRONG_ENCODING", encoding=encoding)
        text = data.decode(encoding, "replace")
        if _broken(text) > 0.02:
            raise CaptionsRefused("WRONG_ENCODING", encoding=ENCODINGS[encoding])
        return Decoded(text, encoding)
    even, odd = data[0:4096:2].count(0), data[1:4096:2].count(0)
    if max(even, odd) > 0.25 * len(data[:4096]) / 2 and min(even, odd) < 0.25 * max(even, odd):
        named = "utf-16-le" if odd > even else "utf-16-be"
        return Decoded(data.decode(named, "replace"), named)
    if b"\0" in data[:4096]:
        raise CaptionsRefused("NOT_TEXT")
    try:
        return Decoded(data.decode("utf-8"), "utf-8")
    except UnicodeDecodeError:
        pass
    readings = [Decoded(data.decode(named, "replace"), named) for named in ("gb18030", "big5")]
    best = max(readings, key=lambda reading: _likeness(reading.text))
    whole = data.decode("utf-8", "replace")
    if _broken(whole) < 0.01 and _likeness(whole) >= _likeness(best.text):
        return Decoded(whole, "utf-8")  # UTF-8, cut in the middle of a character
    if _broken(best.text) > 0.02 or _likeness(best.text) < 0.1:
        raise CaptionsRefused("NOT_TEXT")
    return best


def _broken(text: str) -> float:
    return (text.count("\ufffd") + sum(text.count(sign) for sign in "\0\1\2\3\4\5\6")) / max(1, len(text))


def _likeness(text: str) -> float:
    """Share of the signs beyond ASCII that everyday Chinese uses (0..1), less what never stands in it."""
    signs = [sign for sign in text[:200_000] if sign > "\x7f"]
    if not signs:
        return 0.0
    good = sum(sign in _FREQUENT for sign in signs)
    bad = sum(
        sign == "\ufffd" or "\ue000" <= sign <= "\uf8ff" or "\u3100" <= sign <= "\u312f" or sign > "\uffff"
        for sign in signs
    )
    return (good - bad) / len(signs)
