"""A provider for the OpenFeature SDK that reads flags from a JSON file: `{"hedged-reads": false}`.

The file is looked at when a flag is asked for, at most every quarter of a second, and read when it has changed. What
is wrong with it is said in the log, all at once, and the last good values stay.
"""

# ruff: noqa: ARG002 - the SDK's signatures; flags here are the same for everybody, and only true or false

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import structlog
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import TypeMismatchError
from openfeature.flag_evaluation import FlagResolutionDetails, FlagValueType, Reason
from openfeature.provider import AbstractProvider, Metadata

_LOOK_AGAIN_S = 0.25

_log = structlog.get_logger(__name__)

_Mark = tuple[int, int, int] | None
"""What changes when a file does: when it was written, how long it is, which file it is. None: there is none."""


class FileProvider(AbstractProvider):
    """Knows flags that are true or false."""

    def __init__(
        self, file: Path | None, names: frozenset[str], *, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._file = file
        self._names = names
        self._clock_s = clock_s
        self._look_again_s = -1.0
        self._seen: _Mark = (-1, -1, -1)
        self._values: dict[str, bool] = {}

    def get_metadata(self) -> Metadata:
        """Return the provider's name."""
        return Metadata(name="file")

    def resolve_boolean_details(
        self,
        flag_key: str,
        default_value: bool,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[bool]:
        """Return the value in the file, or the default where the file does not say."""
        self._look()
        if flag_key in self._values:
            return FlagResolutionDetails(self._values[flag_key], reason=Reason.STATIC)
        return FlagResolutionDetails(default_value, reason=Reason.DEFAULT)

    def resolve_string_details(
        self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[str]:
        """Refuse: there are no such flags."""
        raise TypeMismatchError(f"{flag_key} is true or false")

    def resolve_integer_details(
        self, flag_key: str, default_value: int, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[int]:
        """Refuse: there are no such flags."""
        raise TypeMismatchError(f"{flag_key} is true or false")

    def resolve_float_details(
        self, flag_key: str, default_value: float, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[float]:
        """Refuse: there are no such flags."""
        raise TypeMismatchError(f"{flag_key} is true or false")

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Sequence[FlagValueType] | Mapping[str, FlagValueType],
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[Sequence[FlagValueType] | Mapping[str, FlagValueType]]:
        """Refuse: there are no such flags."""
        raise TypeMismatchError(f"{flag_key} is true or false")

    def _look(self) -> None:
        now_s = self._clock_s()
        if self._file is None or now_s < self._look_again_s:
            return
        self._look_again_s = now_s + _LOOK_AGAIN_S
        mark = _mark(self._file)
        if mark == self._seen:
            return
        self._seen = mark
        try:
            values = _read(self._file, self._names)
        except (OSError, ValueError) as error:
            _log.error("flags not read, the last good ones stay", file=str(self._file), error=str(error))
            return
        if values != self._values:
            _log.warning("flags", **values)
        self._values = values


def _mark(file: Path) -> _Mark:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read(file: Path, names: frozenset[str]) -> dict[str, bool]:
    """Return the flags in a file. Raises OSError, or ValueError with everything that is wrong with it."""
    document = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - of the file's content, not of an argument
    wrong = [f"there is no flag {name!r}" for name in document if name not in names]
    wrong += [f"{name} is {value!r}, not true or false" for name, value in document.items() if type(value) is not bool]
    if wrong:
        raise ValueError("; ".join(wrong) + f" (there are: {', '.join(sorted(names))})")
    return document
