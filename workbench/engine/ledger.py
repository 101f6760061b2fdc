"""The on-disk list of faults that may be on, written and made durable before anything is injected.

Whoever finds an open entry after a crash knows what to look for; `workbench heal` reads nothing else.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from workbench.errors import EnvironmentFailure


class Ledger:
    """Entries are opened before a fault is asked for and closed after it is verified off."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def open(self, fault_id: str, edge: str, kind: str, run_id: str) -> None:
        """Record, durably, that this fault may be on from now."""
        self._append({"op": "open", "id": fault_id, "edge": edge, "kind": kind, "run": run_id})

    def close(self, fault_id: str) -> None:
        """Record that this fault is verified off."""
        self._append({"op": "close", "id": fault_id})

    def clear(self, by: str) -> None:
        """Record that everything is off."""
        self._append({"op": "clear", "by": by})

    def entries(self) -> list[str]:
        """Return the open entries as "id on edge (kind)". A torn last line counts as not written."""
        opened: dict[str, str] = {}
        try:
            lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return []
        for line in lines:
            with suppress(ValueError, KeyError, TypeError):  # a torn line, or one that is not ours
                entry = json.loads(line)
                match entry["op"]:
                    case "open":
                        opened[entry["id"]] = f"{entry['id']} on {entry['edge']} ({entry['kind']})"
                    case "close":
                        opened.pop(entry["id"], None)
                    case "clear":
                        opened.clear()
        return list(opened.values())

    def _append(self, entry: dict[str, str]) -> None:
        """Write one line durably. Raises EnvironmentFailure if that cannot be."""
        try:
            new = not self._path.exists()
            with self._path.open("a+b") as file:
                file.write(_after_whole_line(file) + json.dumps(entry).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            if new:
                folder = os.open(self._path.parent, os.O_RDONLY)
                try:
                    os.fsync(folder)
                finally:
                    os.close(folder)
        except OSError as error:
            raise EnvironmentFailure(
                f"the ledger of faults {self._path} cannot be written: {error.strerror}",
                hint="free some room; workbench heal undoes what is on",
            ) from error


def _after_whole_line(file: BinaryIO) -> bytes:
    """Return what has to stand before a new entry: a line break, if the last line is torn."""
    if file.seek(0, os.SEEK_END) == 0:
        return b""
    file.seek(-1, os.SEEK_END)
    return b"" if file.read(1) == b"\n" else b"\n"
