"""Where a scenario names an edge, a service, a journey or an SLO. Reads plain data, so a broken file tells them too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Literal

from workbench.model.base import Place

Kind = Literal["edge", "service", "resource", "journey", "SLO"]

_KEYS: Mapping[str, Kind] = MappingProxyType(
    {"edge": "edge", "service": "service", "resource": "resource", "journey": "journey", "slo": "SLO"}
)
_SECTIONS = ("faults", "steady_state", "slos", "expect", "abort_when")


def references(scenario: dict[str, Any]) -> Iterator[tuple[Place, Kind, str]]:
    """Yield the place, the kind and the name of everything that a scenario refers to in its claims and faults."""
    for section in _SECTIONS:
        entries = scenario.get(section)
        for index, entry in enumerate(entries if isinstance(entries, list) else []):
            for key, kind in _KEYS.items():
                name = entry.get(key) if isinstance(entry, dict) else None
                if isinstance(name, str):
                    yield (section, index, key), kind, name
