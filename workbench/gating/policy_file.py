"""Reads a gate policy. The only place in gating that touches a file."""

from __future__ import annotations

from pathlib import Path

from workbench.gating.policy import GatePolicy
from workbench.loading.source import read
from workbench.loading.validated import validated


def read_policy(path: Path | None) -> GatePolicy:
    """Return the policy in a file, or the strict one without a file. Raises InvalidInput with all problems."""
    return GatePolicy() if path is None else validated(read(path), GatePolicy)
