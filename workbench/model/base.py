"""The base of every model that crosses a file or a process: frozen, unknown keys forbidden, misfits with a place."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

Place = tuple[str | int, ...]
"""Where something stands in a document: keys and indices from the top."""


class Misfits(ValueError):
    """Parts of a document that are well formed and do not fit together, each with its place."""

    def __init__(self, found: list[tuple[Place, str]]) -> None:
        super().__init__("; ".join(message for _, message in found))
        self.found = found


class Frozen(BaseModel):
    """A value read from, or written to, a file or another process."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=True,
        serialize_by_alias=True,
        ser_json_inf_nan="strings",
    )
