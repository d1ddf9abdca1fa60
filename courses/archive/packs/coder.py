"""Numbers to bytes and back, each by what was seen of its kind before: adaptive binary arithmetic coding. Pure.

A number is a few yes-or-no questions (is it zero? negative? how long? its leading digits); each question of each kind
keeps an estimate of its answer and costs as much as the answer surprises, so that what is always the same costs
nearly nothing. Writer and Reader take the same calls and return what was said, so that one description of a format
serves both ways: a Reader ignores what would be written. Only whole numbers are reckoned with: the same bytes on every
machine. After I. Witten, R. Neal, J. Cleary, Arithmetic coding for data compression, CACM 30 (1987), in whole bytes as
in G. Martin's range encoding (1979).
"""

from __future__ import annotations

__all__ = ["Kind", "Reader", "Writer"]

_FULL = 40
_TOP = 1 << _FULL
_LEAST = 1 << (_FULL - 8)
"""Below this the range gives a byte away: a question is still asked of at least 2^16 steps."""
_ONE = 1 << 16
_SURE = 48
"""No estimate comes nearer to never and always than this (of 65,536)."""
_STEADY = 250
_PACE = [int(_ONE / (n + 1.7)) for n in range(_STEADY + 1)]
"""How far an estimate moves with the answer, by how many it has heard: quickly first."""
_SIZES = 80
_ZERO, _MINUS, _LONGER, _LEADING = 0, 1, 2, 2 + _SIZES
_QUESTIONS = _LEADING + _SIZES * 8


class Kind:
    """What was seen so far of one kind of number. Writer and Reader of the same stream each begin with fresh ones."""

    __slots__ = ("asked", "no")

    def __init__(self) -> None:
        self.no = [_ONE // 2] * _QUESTIONS
        """Of 65,536, how likely the answer is no."""
        self.asked = [0] * _QUESTIONS


def _learn(kind: Kind, question: int, no: int, yes: bool) -> None:
    asked = kind.asked[question]
    if yes:
        no -= no * _PACE[asked] >> 16
        if no < _SURE:
            no = _SURE
    else:
        no += (_ONE - no) * _PACE[asked] >> 16
        if no > _ONE - _SURE:
            no = _ONE - _SURE
    kind.no[question] = no
    if asked < _STEADY:
        kind.asked[question] = asked + 1


class Writer:
    def __init__(self) -> None:
        self._low, self._range = 0, _TOP
        self._bytes = bytearray()

    def flag(self, kind: Kind, yes: bool, question: int = 0) -> bool:
        """A yes or no; `question` (below 80) tells apart circumstances in which it is asked."""
        no = kind.no[question]
        part = (self._range >> 16) * no
        if yes:
            self._low += part
            self._range -= part
        else:
            self._range = part
        _learn(kind, question, no, yes)
        if self._range < _LEAST:
            self._give()
        return yes

    def near(self, kind: Kind, value: int, expected: int) -> int:
        """A whole number, the fewer bytes the nearer to what is `expected`; ValueError for 2^79 away and more."""
        self._number(kind, value - expected)
        return value

    def _number(self, kind: Kind, value: int) -> None:
        if not value:
            self.flag(kind, False, _ZERO)
            return
        self.flag(kind, True, _ZERO)
        self.flag(kind, value < 0, _MINUS)
        value = abs(value)
        size = value.bit_length()
        if size >= _SIZES:
            raise ValueError(f"{value} is too large to be packed")
        for shorter in range(1, size):
            self.flag(kind, True, _LONGER + shorter)
        self.flag(kind, False, _LONGER + size)
        rest, question = size - 1, 1
        while rest and question < 8:
            rest -= 1
            digit = value >> rest & 1
            self.flag(kind, bool(digit), _LEADING + size * 8 + question)
            question = question * 2 + digit
        self.digits(value & ((1 << rest) - 1), rest)

    def digits(self, value: int, size: int) -> int:
        """`size` binary digits of which nothing is known."""
        left = size
        while left:
            now = min(left, 16)
            left -= now
            self._range >>= now
            self._low += (value >> left & ((1 << now) - 1)) * self._range
            self._give()
        return value

    def _carry(self) -> None:
        if self._low >= _TOP:
            self._low -= _TOP
            place = len(self._bytes) - 1
            while self._bytes[place] == 255:
                self._bytes[place] = 0
                place -= 1
            self._bytes[place] += 1

    def _give(self) -> None:
        self._carry()
        while self._range < _LEAST:
            self._bytes.append(self._low >> (_FULL - 8))
            self._low = (self._low << 8) & (_TOP - 1)
            self._range <<= 8

    def done(self) -> bytes:
        """All of it, in as few bytes as tell it apart; nothing is written after that."""
        for size in range(_FULL, -1, -8):
            said = -(-self._low >> size) << size
            if said < self._low + self._range:
                break
        self._low = said
        self._carry()
        return bytes(self._bytes + self._low.to_bytes(_FULL // 8, "big")).rstrip(b"\0")


class Reader:
    """Reads what a Writer wrote, asked the same in the same order. Of other bytes it reads nonsense."""

    def __init__(self, written: bytes) -> None:
        self._bytes, self._at = written, _FULL // 8
        self._range = _TOP
        self._value = int.from_bytes(written[: self._at].ljust(self._at, b"\0"), "big")

    def flag(self, kind: Kind, yes: bool = False, question: int = 0) -> bool:
        no = kind.no[question]
        part = (self._range >> 16) * no
        yes = self._value >= part
        if yes:
            self._value -= part
            self._range -= part
        else:
            self._range = part
        _learn(kind, question, no, yes)
        if self._range < _LEAST:
            self._take()
        return yes

    def near(self, kind: Kind, value: int, expected: int) -> int:
        """Raises ValueError where no number can be."""
        return expected + self._number(kind)

    def _number(self, kind: Kind) -> int:
        if not self.flag(kind, question=_ZERO):
            return 0
        minus = self.flag(kind, question=_MINUS)
        size = 1
        while self.flag(kind, question=_LONGER + size):
            size += 1
            if size >= _SIZES:
                raise ValueError("these bytes hold no number")
        value, rest, question = 1, size - 1, 1
        while rest and question < 8:
            rest -= 1
            digit = int(self.flag(kind, question=_LEADING + size * 8 + question))
            value = value * 2 + digit
            question = question * 2 + digit
        value = value << rest | self.digits(0, rest)
        return -value if minus else value

    def digits(self, value: int, size: int) -> int:
        value = 0
        while size:
            now = min(size, 16)
            size -= now
            self._range >>= now
            digit = min(self._value // self._range, (1 << now) - 1)
            self._value -= digit * self._range
            value = value << now | digit
            self._take()
        return value

    def _take(self) -> None:
        while self._range < _LEAST:
            more = self._bytes[self._at] if self._at < len(self._bytes) else 0
            self._at += 1
            self._value = self._value << 8 | more
            self._range <<= 8
