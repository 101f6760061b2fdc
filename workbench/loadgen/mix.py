"""Journeys in the proportions of the mix, without chance: for a probe that is too short for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def in_proportion(weights: Sequence[float]) -> Iterator[int]:
    """Yield numbers for ever so that each comes as often as its weight says, as evenly as possible."""
    credit = [0.0] * len(weights)
    total = sum(weights)
    while True:
        credit = [have + weight for have, weight in zip(credit, weights, strict=True)]
        chosen = max(range(len(weights)), key=credit.__getitem__)
        credit[chosen] -= total
        yield chosen
