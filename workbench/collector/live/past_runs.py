"""The last runs of a folder, with their verdicts. Nothing but a name that a run has is ever looked at or served."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

MOST_RUNS = 12

_RUN_ID = re.compile(r"(\d{8}T\d{6}Z)-([a-z][a-z0-9-]{0,62})-[0-9a-f]{6}")
_LONGEST_FILE = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class PastRun:
    """One run as the list shows it. Without an outcome it goes on, or has none."""

    id: str
    scenario: str
    started: str
    title: str = ""
    outcome: str | None = None
    exit_code: int | None = None
    reasons: tuple[str, ...] = ()
    report: bool = False

    def data(self) -> dict[str, Any]:
        return asdict(self)


class PastRuns:
    """The newest runs in a reports folder. A verdict is read once, and again when its file has changed."""

    def __init__(self) -> None:
        self._read: dict[str, tuple[tuple[int, int], PastRun]] = {}

    def newest(self, reports: Path) -> list[PastRun]:
        """Return the newest runs, newest first."""
        try:
            names = sorted(filter(_RUN_ID.fullmatch, os.listdir(reports)), reverse=True)  # noqa: PTH208 - names only
        except OSError:
            return []
        found = []
        for name in names[:MOST_RUNS]:
            folder = reports / name
            if not folder.is_symlink():
                found.append(self._run(folder))
        self._read = {name: self._read[name] for name in names[:MOST_RUNS] if name in self._read}
        return found

    def _run(self, folder: Path) -> PastRun:
        stamps = _changed(folder / "verdict.json"), _changed(folder / "report.html")
        known = self._read.get(folder.name)
        if known is not None and known[0] == stamps:
            return known[1]
        run = _read(folder, has_report=bool(stamps[1]))
        self._read[folder.name] = stamps, run
        return run


def report_of(reports: Path, run_id: str) -> Path | None:
    """Return the report of a run, if there is one: a file in a folder of that name, and nothing a link leads to."""
    if not _RUN_ID.fullmatch(run_id):
        return None
    path = reports / run_id / "report.html"
    if path.is_symlink() or path.parent.is_symlink() or not path.is_file():
        return None
    return path


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _read(folder: Path, *, has_report: bool) -> PastRun:
    match = _RUN_ID.fullmatch(folder.name)
    assert match is not None
    started = datetime.strptime(match[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    run = PastRun(folder.name, match[2], started.isoformat())
    try:
        path = folder / "verdict.json"
        if path.stat().st_size > _LONGEST_FILE:
            return run
        said = json.loads(path.read_bytes())
        return PastRun(
            run.id,
            run.scenario,
            run.started,
            title=str(said["title"])[:200],
            outcome=str(said["outcome"]),
            exit_code=int(said["exit_code"]),
            reasons=tuple(str(reason)[:300] for reason in said["reasons"][:2]),
            report=has_report,
        )
    except (OSError, ValueError, KeyError, TypeError):
        return run
