"""The folder between this machine and a fault plane that sees no other one: rows are written there, and moved."""

from __future__ import annotations

import shutil
from pathlib import Path, PurePosixPath

from workbench.errors import HarnessError

INSIDE = PurePosixPath("/recordings")


class SharedFolder:
    """One run at a time. `place` is the folder on this machine; None where the plane sees every folder."""

    def __init__(self, place: str | None) -> None:
        self._place = None if place is None else Path(place)
        self._between: tuple[Path, Path] | None = None

    def enter(self, folder: Path, run_id: str) -> Path:
        """Return what the plane is told instead of `folder`."""
        if self._place is None:
            return folder
        shared = self._place / run_id
        try:
            shared.mkdir(exist_ok=True)
            shared.chmod(0o777)  # the plane is another user; the folder above lets in nobody of this machine
        except OSError as error:
            raise HarnessError(f"cannot make {shared}: {error.strerror}") from error
        self._between = shared, folder
        return Path(INSIDE / run_id)

    def leave(self) -> None:
        """Move what was written to where it belongs. Raises HarnessError if it cannot be."""
        if self._between is None:
            return
        shared, folder = self._between
        try:
            for file in shared.iterdir():
                shutil.move(file, folder / file.name)
            shared.rmdir()
        except OSError as error:
            raise HarnessError(f"cannot move the rows of the fault plane from {shared}: {error.strerror}") from error
        self._between = None
