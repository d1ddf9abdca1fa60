"""Whole numbers of any size in as few bytes as they need, seven binary digits a byte, the lowest first (LEB128). Pure."""

from collections.abc import Iterable

__all__ = ["in_bytes"]


def in_bytes(numbers: Iterable[int]) -> bytes:
    """The numbers, 0 or more each, one after the other; the last byte of each is below 128."""
    said = bytearray()
    for number in numbers:
        while number > 127:
            said.append(number & 127 | 128)
            number >>= 7
        said.append(number)
    return bytes(said)
