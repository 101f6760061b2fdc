"""The `.workbench` folder: who runs what here. Everything in it can be deleted once nothing runs."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from filelock import FileLock, Timeout
from pydantic import ValidationError

from workbench import holding
from workbench.errors import EnvironmentFailure, UsageError
from workbench.model.stack import ProcessId, RunningStack

_TOKEN_BYTES = 24


class State:
    """One folder's state."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stack_file = folder / "stack.json"
        self.ledger_file = folder / "ledger.jsonl"
        self.spec_file = folder / "supervisor.json"
        self.run_file = folder / "run.json"
        self.logs = folder / "logs"
        self.live_token_file = folder / "live.token"

    def create(self) -> None:
        """Make the folder. Raises EnvironmentFailure if it cannot be written to."""
        try:
            self.logs.mkdir(parents=True, exist_ok=True)
            self.folder.chmod(0o700)
            probe = self.folder / ".writable"
            probe.write_text("room for one more byte", encoding="utf-8")  # an empty file fits on a full disk
            probe.unlink()
        except OSError as error:
            raise self._cannot_be_written(error) from error

    def _cannot_be_written(self, error: OSError) -> EnvironmentFailure:
        return EnvironmentFailure(
            f"cannot write to {self.folder}: {error.strerror}",
            hint="run from a folder that you may write to, with room on its disk",
        )

    def live_token(self) -> str:
        """Return the token of the live page, made once: a page that is left open finds the next stack again.

        Raises EnvironmentFailure if it cannot be kept.
        """
        with suppress(OSError):
            found = self.live_token_file.read_text(encoding="ascii").strip()
            if len(found) >= _TOKEN_BYTES:
                return found
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        try:
            self.live_token_file.touch(mode=0o600)
            self.live_token_file.write_text(token, encoding="ascii")
        except OSError as error:
            raise self._cannot_be_written(error) from error
        return token

    def clear(self) -> None:
        """Forget databases and logs of an earlier stack."""
        for name in ("data", "logs", "recordings"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        self.create()

    def stack(self) -> RunningStack | None:
        """Return the stack that runs from this folder; a file whose supervisor is dead is removed."""
        try:
            stack = RunningStack.model_validate_json(self.stack_file.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            raise EnvironmentFailure(
                f"{self.stack_file} cannot be read: {error}",
                hint="workbench doctor; if nothing runs, delete the file",
            ) from error
        if stack.supervisor is not None and is_alive(stack.supervisor):
            return stack
        self.stack_file.unlink(missing_ok=True)
        return None

    @contextmanager
    def exclusive(self, doing: str) -> Iterator[None]:
        """Hold the folder's lock. Raises UsageError naming who holds it."""
        lock = FileLock(self.folder / holding.LOCK)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.folder.chmod(0o700)
            lock.acquire(timeout=0)
        except Timeout:  # an OSError too
            raise UsageError(
                f"another workbench is busy in {self.folder.parent}: {self.holder()}",
                hint="wait for it, end it with `workbench stop`, or work in another folder",
            ) from None
        except OSError as error:
            raise self._cannot_be_written(error) from error
        try:
            with suppress(OSError):  # `workbench down` has to work on a full disk too
                holder = json.dumps({"pid": os.getpid(), "doing": doing})
                (self.folder / holding.HOLDER).write_text(holder, encoding="utf-8")
            yield
        finally:
            (self.folder / holding.HOLDER).unlink(missing_ok=True)
            lock.release()

    def holder(self) -> str:
        """Return what the process that holds the lock said it was doing."""
        return holding.holder(self.folder)

    def holder_pid(self) -> int | None:
        """Return the process that holds the lock, if one does. Changes nothing in the folder."""
        return holding.holder_pid(self.folder)


def is_alive(process: ProcessId) -> bool:
    """Tell whether this very process still runs, and is not a zombie."""
    try:
        found = psutil.Process(process.pid)
        return abs(found.create_time() - process.started_s) < 1.0 and found.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
