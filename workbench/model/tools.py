"""Real tools that can stand beside the embedded parts of a stack."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

OVERVIEW = "workbench-run"
"""Uid of the Grafana dashboard to begin with."""


class Tool(StrEnum):
    """By the name that `--with` knows."""

    PROMETHEUS = "prometheus"
    JAEGER = "jaeger"
    TOXIPROXY = "toxiproxy"
    GRAFANA = "grafana"


def in_order(tools: Sequence[Tool]) -> list[Tool]:
    """Return each tool once, in the order of this file."""
    return [tool for tool in Tool if tool in tools]
