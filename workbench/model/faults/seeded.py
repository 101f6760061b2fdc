"""Seeded decisions: seed, fault and ordinal alone decide, on any machine and any number of connections."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

_SCALE = 2.0**-64


def draw(seed: int, fault_id: str, ordinal: int, purpose: str) -> float:
    """Return a number in [0, 1) that depends on its arguments only (never on Python's salted `hash`)."""
    digest = blake2b(f"{seed}|{fault_id}|{ordinal}|{purpose}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") * _SCALE


def is_hit(seed: int, fault_id: str, ordinal: int, share: float) -> bool:
    """Tell whether the eligible request number `ordinal` (from 0, per fault) is hit."""
    return share >= 1 or draw(seed, fault_id, ordinal, "hit") < share


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
