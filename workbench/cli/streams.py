"""stdout is the result, stderr is progress; both wrap at the terminal's width and carry colour only there."""

from __future__ import annotations

import os
import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

from workbench.errors import EnvironmentFailure, WorkbenchError
from workbench.model.outcome import MEANINGS, Exit


class _Stream(Console):
    """A console whose reader may leave, as in `workbench list | head`. Rich would then exit with 1: FAIL."""

    def on_broken_pipe(self) -> None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), (sys.stderr if self.stderr else sys.stdout).fileno())
        if not self.stderr:  # without progress everything goes on; a result that nobody gets is no success
            raise EnvironmentFailure("nobody reads the result any more")


out = _Stream(highlight=False)
err = _Stream(stderr=True, highlight=False)


def say(text: str, style: str = "") -> None:
    """Print one line of the result."""
    out.print(Text(text, style=style), soft_wrap=True)


def progress(text: str, style: str = "dim") -> None:
    """Print one line of progress."""
    err.print(Text(text, style=style), soft_wrap=True)


def item(target: Console, lead: Text, text: Text) -> None:
    """Print one entry; on a terminal its lines are indented to where the text begins, in a file it is one line."""
    if not target.is_terminal:
        target.print(Text.assemble(lead, text), soft_wrap=True)
        return
    grid = Table.grid()
    grid.add_column(no_wrap=True)
    grid.add_column()
    grid.add_row(lead, text)
    target.print(grid)


def show_error(error: WorkbenchError) -> None:
    """Print what went wrong and what to do next."""
    err.print(Text.assemble(("error: ", "bold red"), error.message), soft_wrap=True)
    for note in getattr(error, "__notes__", []):
        err.print(Text(note), soft_wrap=True)
    if error.hint:
        err.print(Text.assemble(("hint: ", "bold"), error.hint), soft_wrap=True)


def last_line(code: int, *, to_stdout: bool = True) -> None:
    """Name the exit code and what it means."""
    known = code in list(Exit)
    text = f"exit {code}: {MEANINGS[Exit(code)] if known else 'unknown'}"
    (out if to_stdout else err).print(Text(text, style="dim"), soft_wrap=True)
    sys.stdout.flush()
