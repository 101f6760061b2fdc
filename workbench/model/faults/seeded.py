"""Seeded decisions: seed, fault and ordinal alone decide, on any machine and any number of connections."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from struct import Struct

_SCALE = 2.0**-64
_NUMBER = Struct(">Q")


def draw(seed: int, fault_id: str, ordinal: int, purpose: str) -> float:
    """Return a number in [0, 1) that depends on its arguments only (never on Python's salted `hash`)."""
    digest = blake2b(f"{seed}|{fault_id}|{ordinal}|{purpose}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") * _SCALE


def is_hit(seed: int, fault_id: str, ordinal: int, share: float) -> bool:
    """Tell whether the eligible request number `ordinal` (from 0, per fault) is hit."""
    return share >= 1 or draw(seed, fault_id, ordinal, "hit") < share


class Chance:
    """`is_hit` for many ordinals of one fault: what is the same for all is hashed once."""

    __slots__ = ("_begun", "_share")

    def __init__(self, seed: int, fault_id: str, share: float) -> None:
        self._begun = blake2b(f"{seed}|{fault_id}|".encode(), digest_size=8)
        self._share = float(share)

    def hits(self, ordinal: int) -> bool:
        """Tell whether the eligible request number `ordinal` is hit."""
        if self._share >= 1:
            return True
        hashed = self._begun.copy()
        hashed.update(b"%d|hit" % ordinal)
        number: int = _NUMBER.unpack(hashed.digest())[0]
        return number * _SCALE < self._share


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
