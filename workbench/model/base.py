"""The base of every model that crosses a file or a process: frozen, unknown keys forbidden."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A value read from, or written to, a file or another process."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=True,
        serialize_by_alias=True,
        ser_json_inf_nan="strings",
    )
