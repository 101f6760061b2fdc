"""Who works in a folder: a run holds it, and can be asked to end. The one way that a run is stopped from outside."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

LOCK, HOLDER = "lock", "holder.json"


def holder(folder: Path) -> str:
    """Return what the process that holds the lock of a state folder said it was doing."""
    said = _said(folder)
    return "it has just begun" if said is None else f"{said.get('doing')} (pid {said.get('pid')})"


def holder_pid(folder: Path) -> int | None:
    """Return the process that holds the lock, if one does. Changes nothing in the folder."""
    if not (folder / LOCK).exists():
        return None
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        said = _said(folder)
        return said["pid"] if said is not None and isinstance(said.get("pid"), int) else None
    except OSError:
        return None
    lock.release()
    return None


def ask_to_end(folder: Path) -> int | None:
    """Ask whoever holds the folder to undo, save and end; return its pid, None where nobody does."""
    pid = holder_pid(folder)
    if pid is None:
        return None
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return None
    return pid


def _said(folder: Path) -> dict[str, Any] | None:
    try:
        said: dict[str, Any] = json.loads((folder / HOLDER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return said
