"""The collector's process."""

from __future__ import annotations

from workbench.collector.api import Collector
from workbench.serving import run_process


def main() -> None:
    """Collect until SIGTERM."""
    run_process("collector", Collector)
