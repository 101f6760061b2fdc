"""The run directory: the only thing that survives a run, and the only thing a verdict is made from."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import duckdb
from pydantic import ValidationError

from workbench.engine.collecting import COLLECTED, Sources, differing_rows, open_tables
from workbench.engine.journal import read_journal
from workbench.errors import EnvironmentFailure, InvalidInput, Problem, UsageError
from workbench.masking import MASKED, Masks
from workbench.model.audit import Audit
from workbench.model.events import Collected, KeptFile
from workbench.model.history import History
from workbench.model.run import RUN_FORMAT, RunRecord
from workbench.model.stack import RunningStack
from workbench.model.tables import KEPT_TABLES
from workbench.model.verdict import Verdict

T = TypeVar("T")


class RunDirectory:
    """One run's folder. Files are described in docs/reference/run-directory.md."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.raw = folder / "raw"
        self.journal = folder / "journal.jsonl"

    @classmethod
    def create(cls, reports: Path, scenario: str) -> RunDirectory:
        """Make a new folder. Raises EnvironmentFailure if that cannot be."""
        run_id = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{scenario}-{secrets.token_hex(3)}"
        directory = cls(reports / run_id)
        try:
            for folder in (directory.raw, directory.folder / "logs", directory.folder / "audit"):
                folder.mkdir(parents=True)
        except OSError as error:
            raise EnvironmentFailure(
                f"cannot make a run directory in {reports}: {error.strerror}",
                hint="free some room, or choose another folder with --reports",
            ) from error
        return directory

    @classmethod
    def existing(cls, folder: Path) -> RunDirectory:
        """Return a finished run's folder. Raises UsageError if it is none."""
        if not (folder / "run.json").is_file():
            raise UsageError(
                f"{folder} is not a run directory (it has no run.json)",
                hint="workbench open report shows the latest one",
            )
        return cls(folder.resolve())

    def publish(self) -> None:
        """Point `latest`, beside this folder, to it."""
        partial = self.folder.parent / f".latest-{self.run_id}"
        with suppress(OSError):  # a convenience: no reason to fail a run
            partial.symlink_to(self.run_id)
            partial.replace(self.folder.parent / "latest")
        with suppress(OSError):
            partial.unlink(missing_ok=True)

    @property
    def run_id(self) -> str:
        return self.folder.name

    # -- writing --------------------------------------------------------------------------------------

    def save_run(self, record: RunRecord) -> None:
        """Write run.json and policies.json."""
        self._write("run.json", record.model_dump_json(indent=2))
        self._write("policies.json", record.policies.model_dump_json(indent=2))

    def save_stack(self, stack: RunningStack) -> None:
        """Write stack.json, without the token."""
        self._write("stack.json", stack.model_copy(update={"token": MASKED}).model_dump_json(indent=2))

    def save_audits(self, moment: str, audits: Mapping[str, Audit]) -> None:
        """Write what every service said of itself, `before` or `after`."""
        for service, audit in audits.items():
            path = self.folder / "audit" / f"{service}.json"
            said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
            said[moment] = audit.model_dump(mode="json")
            self._write(f"audit/{service}.json", json.dumps(said))

    def save_verdict(self, verdict: Verdict) -> None:
        """Write verdict.json."""
        self._write("verdict.json", verdict.model_dump_json(indent=2))

    def save_logs(self, logs: Path, offsets: Mapping[str, int], masks: Iterable[str]) -> None:
        """Copy what services logged since `offsets`, with secrets masked."""
        hidden = Masks(list(masks))
        for log in sorted(logs.glob("*.log")):
            with log.open("rb") as source, (self.folder / "logs" / log.name).open("wb") as target:
                if log.name in offsets:  # another log has begun since then, and is wanted whole
                    source.seek(min(offsets[log.name], log.stat().st_size))
                for line in source:
                    target.write(hidden.line(line.decode(errors="replace")).encode())

    def drop_raw(self) -> None:
        """Remove the raw rows once they are Parquet."""
        shutil.rmtree(self.raw, ignore_errors=True)

    def write(self, name: str, content: str) -> Path:
        """Write a report file."""
        return self._write(name, content)

    def _write(self, name: str, content: str) -> Path:
        path = self.folder / name
        partial = path.with_name(f".{path.name}.partial")
        try:
            with partial.open("w", encoding="utf-8") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise EnvironmentFailure(
                f"cannot write {path}: {error.strerror}",
                hint="free some room, or make the folder writable",
            ) from error
        return path

    # -- reading --------------------------------------------------------------------------------------

    def read_run(self) -> RunRecord:
        """Return run.json. Raises UsageError for a newer format, InvalidInput for a damaged file."""
        path = self.folder / "run.json"
        try:
            data = json.loads(path.read_bytes())
            version = data["version"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise InvalidInput([Problem(str(path), 0, "", f"cannot be read: {error}")]) from error
        if isinstance(version, int) and version > RUN_FORMAT:
            raise UsageError(
                f"{path} has format {version}; this workbench reads up to {RUN_FORMAT}",
                hint="use the workbench that made it, or a newer one",
            )
        try:
            return RunRecord.model_validate(data)
        except ValidationError as error:
            raise InvalidInput(_misfits(path, error)) from error

    def read_verdict(self) -> Verdict:
        """Return verdict.json. Raises InvalidInput if there is none."""
        path = self.folder / "verdict.json"
        try:
            return Verdict.model_validate_json(path.read_bytes())
        except OSError as error:
            problem = Problem(str(path), 0, "", f"cannot be read: {error.strerror}")
            raise InvalidInput([problem], hint=f"workbench judge {self.folder}") from error
        except ValidationError as error:
            raise InvalidInput(_misfits(path, error), hint=f"workbench judge {self.folder}") from error

    def read(self, use: Callable[[History], T], record: RunRecord | None = None, sources: Sources = COLLECTED) -> T:
        """Return what `use` makes of the run. A table that turns out to be damaged counts as missing, and is told.

        `record` stands in for run.json after limits were changed.
        """
        try:
            return use(self.history(record, sources))
        except duckdb.Error:
            careful = self.history(record, sources, every_row=True)
            if not careful.problems:
                raise
            return use(careful)

    def history(
        self, record: RunRecord | None = None, sources: Sources = COLLECTED, *, every_row: bool = False
    ) -> History:
        """Open everything for reading; with `every_row` find out about damage now, not when a row is asked for."""
        connection, problems = open_tables(self.folder, sources, every_row=every_row)
        events, torn = read_journal(self.journal)
        before, after, unreadable = self._audits()
        for event in events:
            if isinstance(event, Collected):
                problems += [*differing_rows(connection, self.folder, event.rows), *self._changed(event.files)]
        return History(
            run=self.read_run() if record is None else record,
            journal=tuple(events),
            audits_before=before,
            audits_after=after,
            connection=connection,
            problems=tuple(dict.fromkeys((*torn, *unreadable, *problems))),
        )

    def kept_files(self) -> dict[str, KeptFile]:
        """Return what the tables and accounts are now, by name. Raises EnvironmentFailure if one cannot be read."""
        tables = (self.folder / f"{table.name}.parquet" for table in KEPT_TABLES)
        found = {}
        for path in (*tables, *sorted((self.folder / "audit").glob("*.json"))):
            try:
                with path.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                    found[str(path.relative_to(self.folder))] = KeptFile(size=file.tell(), sha256=digest)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise EnvironmentFailure(f"cannot read {path}: {error.strerror}") from error
        return found

    def _changed(self, kept: Mapping[str, KeptFile]) -> list[str]:
        """Say which files are not those that were kept when the run ended; of older runs nothing is known."""
        if not kept:
            return []
        try:
            now = self.kept_files()
        except EnvironmentFailure as error:
            return [error.message]
        return [
            *(f"{name} is missing" for name in kept if name not in now),
            *(
                f"{name} has been changed since the run ended"
                for name in kept
                if name in now and now[name] != kept[name]
            ),
            *(f"{name} was not there when the run ended" for name in now if name not in kept),
        ]

    def _audits(self) -> tuple[dict[str, Audit], dict[str, Audit], list[str]]:
        """Return the accounts before and after, and what could not be read: then neither of them counts."""
        before: dict[str, Audit] = {}
        after: dict[str, Audit] = {}
        problems: list[str] = []
        for path in sorted((self.folder / "audit").glob("*.json")):
            try:
                said = {moment: Audit.model_validate(one) for moment, one in json.loads(path.read_bytes()).items()}
            except (OSError, ValueError, AttributeError):
                problems.append(f"audit/{path.name} cannot be read")
                continue
            for moment, into in (("before", before), ("after", after)):
                if moment in said:
                    into[path.stem] = said[moment]
        return before, after, problems


def _misfits(path: Path, error: ValidationError) -> list[Problem]:
    """Return what does not hold in a file of ours."""
    return [Problem(str(path), 0, ".".join(map(str, one["loc"])), one["msg"]) for one in error.errors()]


def finished_runs(reports: Path) -> list[RunDirectory]:
    """Return all run directories, newest first."""
    found = [folder for folder in reports.glob("*/run.json") if not folder.parent.is_symlink()]
    return [RunDirectory(path.parent) for path in sorted(found, key=lambda p: p.parent.name, reverse=True)]
