"""Seeded decisions: seed, fault and ordinal alone decide, on any machine and any number of connections."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from struct import Struct

_SCALE = 2.0**-64
_AHEAD = 64
_NUMBERS = Struct(f">{_AHEAD}Q")


def draw(seed: int, fault_id: str, ordinal: int, purpose: str) -> float:
    """Return a number in [0, 1) that depends on its arguments only (never on Python's salted `hash`)."""
    digest = blake2b(f"{seed}|{fault_id}|{ordinal}|{purpose}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") * _SCALE


def is_hit(seed: int, fault_id: str, ordinal: int, share: float) -> bool:
    """Tell whether the eligible request number `ordinal` (from 0, per fault) is hit."""
    return share >= 1 or draw(seed, fault_id, ordinal, "hit") < share


class Chance:
    """`is_hit` for ordinals that come one after the other: many at a time cost half as much as each on its own."""

    __slots__ = ("_begun", "_first", "_hits", "_share")

    def __init__(self, seed: int, fault_id: str, share: float) -> None:
        self._begun = blake2b(f"{seed}|{fault_id}|".encode(), digest_size=8)
        self._share = float(share)
        self._first = 0
        self._hits: list[bool] = []
        """Whether the ordinals from `_first` on are hit."""

    def hits(self, ordinal: int) -> bool:
        """Tell whether the eligible request number `ordinal` is hit."""
        if self._share >= 1:
            return True
        at = ordinal - self._first
        if not 0 <= at < len(self._hits):
            self._look_ahead(ordinal)
            at = 0
        return self._hits[at]

    def _look_ahead(self, first: int) -> None:
        copy, share = self._begun.copy, self._share
        digests = []
        for ordinal in range(first, first + _AHEAD):
            hashed = copy()
            hashed.update(b"%d|hit" % ordinal)
            digests.append(hashed.digest())
        self._first = first
        self._hits = [number * _SCALE < share for number in _NUMBERS.unpack(b"".join(digests))]


@dataclass(frozen=True, slots=True)
class Draw:
    """The seeded random numbers of one request, and how long after the fault came on it was made."""

    seed: int
    fault_id: str
    ordinal: int
    after_ns: int = 0

    def uniform(self, purpose: str) -> float:
        """Return a number in [0, 1)."""
        return draw(self.seed, self.fault_id, self.ordinal, purpose)
