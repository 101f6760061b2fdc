"""The one tree of errors. Each class has its exit code; each error may carry a hint that says what to do next.

WorkbenchError            4
├── UsageError            2   wrong arguments, missing ability
│   └── InvalidInput      2   a file that does not hold; all its problems at once
├── EnvironmentFailure    4   the machine or a tool: ports, disk, a service that does not start
├── HarnessError          4   the workbench itself could not go on
├── DirtyError            5   a fault may still be on
└── Interrupted     130/143   a signal ended the run
"""

from __future__ import annotations

from dataclasses import dataclass


class WorkbenchError(Exception):
    """Base of every error that reaches the user.

    `hint` is one sentence that says what to do next; it is printed on a line of its own.
    """

    exit_code = 4

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(WorkbenchError):
    """What was asked for cannot be done as it was asked."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in an input file. `line` counts from 1; 0 means the file as a whole."""

    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.path}: {self.message}" if self.path else f"{where}: {self.message}"


class InvalidInput(UsageError):
    """One or more input files do not hold. Carries all problems, not the first one."""

    def __init__(self, problems: list[Problem], *, hint: str | None = None) -> None:
        noun = "problem" if len(problems) == 1 else "problems"
        lines = "\n".join(f"  {problem}" for problem in problems)
        super().__init__(f"{len(problems)} {noun}:\n{lines}", hint=hint)
        self.problems = problems


class EnvironmentFailure(WorkbenchError):
    """The machine, or something on it, is not as it has to be."""


class HarnessError(WorkbenchError):
    """The workbench could not go on; the run has no verdict."""


class DirtyError(WorkbenchError):
    """A fault may still be on."""

    exit_code = 5


class Interrupted(WorkbenchError):
    """A signal ended the run. SIGINT gives 130; SIGTERM, SIGHUP and `workbench stop` give 143."""

    def __init__(self, signal_name: str) -> None:
        super().__init__(f"stopped by {signal_name}")
        self.signal_name = signal_name
        self.exit_code = 130 if signal_name == "SIGINT" else 143
