"""stdout is the result, stderr is progress; both wrap at the terminal's width and carry colour only there."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from workbench.errors import EnvironmentFailure, WorkbenchError
from workbench.model.outcome import MEANINGS, Exit

out = Console(highlight=False, markup=False, emoji=False)  # what it shows is other people's text
err = Console(stderr=True, highlight=False, markup=False, emoji=False)


class _Guarded:
    """A standard stream that may take no more, as in `workbench list | head`, or where the disk is full.

    A result that nobody gets is no success: that raises EnvironmentFailure. Without progress everything goes on.
    """

    def __init__(self, stream: TextIO, *, is_result: bool) -> None:
        self._stream = stream
        self._is_result = is_result

    def write(self, text: str) -> int:
        with self._noticed():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._noticed():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @contextmanager
    def _noticed(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            with suppress(OSError), _nowhere() as nowhere:
                os.dup2(nowhere.fileno(), self._stream.fileno())  # takes what is still in the buffer
            if not self._is_result:
                return
            if isinstance(error, BrokenPipeError):
                raise EnvironmentFailure("nobody reads the result any more") from error
            raise EnvironmentFailure(f"the result cannot be written: {error.strerror}") from error


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")


@contextmanager
def guarded() -> Iterator[None]:
    """Have standard streams that are safe to write to: also one that is closed, full, or cannot show a character."""
    before = sys.stdout, sys.stderr
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name) or _nowhere()
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # "?" is a mark of ours
        setattr(sys, name, _Guarded(stream, is_result=name == "stdout"))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


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
