"""Languages of sounds and captions: from what files say («zho») to tags of BCP 47 and names in Chinese. Pure."""

import re

__all__ = ["name", "tag"]

_TAGS = {
    "zho": "zh", "chi": "zh", "cmn": "zh", "yue": "yue", "eng": "en", "bod": "bo", "tib": "bo", "uig": "ug",
    "mon": "mn", "kaz": "kk", "kor": "ko", "zha": "za", "iii": "ii", "rus": "ru", "fra": "fr", "fre": "fr",
    "deu": "de", "ger": "de", "spa": "es", "jpn": "ja", "ara": "ar", "vie": "vi", "por": "pt", "kir": "ky",
}  # fmt: skip
_NAMES = {
    "zh": "普通话", "yue": "粤语", "en": "英语", "bo": "藏语", "ug": "维吾尔语", "mn": "蒙古语", "kk": "哈萨克语",
    "ko": "朝鲜语", "za": "壮语", "ii": "彝语", "ru": "俄语", "fr": "法语", "de": "德语", "es": "西班牙语",
    "ja": "日语", "ar": "阿拉伯语", "vi": "越南语", "pt": "葡萄牙语", "ky": "柯尔克孜语",
}  # fmt: skip
_UNKNOWN = "und"


def tag(lang: str) -> str:
    """The shortest tag of RFC 5646 for what a file says: «zho» → zh, «zh-Hans» stays, «» and nonsense → und."""
    text = lang.strip()
    if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", text):
        return _UNKNOWN
    first, *rest = text.split("-")
    return "-".join([_TAGS.get(first.lower(), first.lower()), *rest])


def name(lang: str, *, label: str = "", number: int = 1) -> str:
    """What a listener reads in a menu: the language in Chinese, else the file's own title, else «原声» or «音轨2»."""
    known = _NAMES.get(tag(lang).split("-")[0], "")
    clean = re.sub(r'["\r\n,]+', " ", label).strip()[:40]
    return known or clean or ("原声" if number == 1 else f"音轨{number}")
