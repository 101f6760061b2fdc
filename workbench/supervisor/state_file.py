"""`stack.json`: written whole when a stack is ready, and again when a process of it was replaced."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write(folder: Path, stack: Mapping[str, Any], pids: Mapping[str, int], took_s: float) -> None:
    """Write the running stack with its processes. Raises OSError."""
    processes = {name: {"pid": pid, "started_s": _start_time(pid)} for name, pid in pids.items()}
    path = folder / "stack.json"
    partial = path.with_suffix(".partial")
    partial.touch(mode=0o600)
    partial.write_text(
        json.dumps({**stack, "processes": processes, "ready_after_s": round(took_s, 3)}), encoding="utf-8"
    )
    partial.replace(path)


def _start_time(pid: int) -> float:
    import psutil  # noqa: PLC0415 - heavy, and needed once

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return 0.0
