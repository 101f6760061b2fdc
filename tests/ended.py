"""How a command of the workbench ended."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    def refused(self, code: int, *words: str) -> None:
        """Assert that it said why on stderr, named its exit code there last, and left stdout to results."""
        assert code == self.code, self.err
        assert "" == self.out
        assert self.err.splitlines()[-1].startswith(f"exit {code}: ")
        assert "Traceback" not in self.err
        for word in words:
            assert word in self.err, f"{word!r} is missing in:\n{self.err}"
