"""stdout is the result, stderr is progress; both wrap at the terminal's width and carry colour only there."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.text import Text

from workbench.errors import WorkbenchError
from workbench.model.outcome import MEANINGS, Exit

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def say(text: str, style: str = "") -> None:
    """Print one line of the result."""
    out.print(Text(text, style=style), soft_wrap=True)


def progress(text: str, style: str = "dim") -> None:
    """Print one line of progress."""
    err.print(Text(text, style=style), soft_wrap=True)


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
