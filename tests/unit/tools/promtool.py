"""The real promtool: named by WORKBENCH_PROMTOOL, on PATH, or beside the prometheus that is found."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from workbench.adapters.components.finding import find
from workbench.model.tools import Tool


def promtool() -> Path:
    """Return it, or skip the test."""
    named = os.environ.get("WORKBENCH_PROMTOOL") or shutil.which("promtool")
    if named:
        return Path(named)
    prometheus = find(Tool.PROMETHEUS)
    beside = None if prometheus is None else prometheus.path.with_name("promtool")
    if beside is None or not beside.exists():
        pytest.skip("no promtool on PATH or beside prometheus, and WORKBENCH_PROMTOOL does not name one")
    return beside


def check(*arguments: str) -> str:
    """Run it, and return what it says. It has to be content."""
    done = subprocess.run([promtool(), *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout + done.stderr
