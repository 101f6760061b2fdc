"""Which requests a fault is about, and which of them count as the same."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Literal, Self

from pydantic import Field, model_validator

from workbench.model.base import Frozen

KEYS_KEPT = 200_000
"""So many keys are counted apart by one fault. The one that was not seen for longest is forgotten first."""


class Key(Frozen):
    """What makes requests the same, for kinds that count them apart. Exactly one of them."""

    by: Literal["edge", "path", "trace", "header"] = Field(
        default="edge",
        description="`edge`: all are counted together; `path`: without query; `trace`: the trace id, so that what one"
        " user's action leads to is counted together; `header`: the value of a header",
    )
    header: str | None = Field(default=None, description="name of the header", examples=["idempotency-key"])

    @property
    def words(self) -> str:
        """What is counted apart, after "each"."""
        return f"value of {self.header}" if self.by == "header" else self.by

    @model_validator(mode="after")
    def _header_has_a_name(self) -> Self:
        if (self.by == "header") != (self.header is not None):
            raise ValueError("`header` names a header, and goes together with `by: header`")
        return self


class Match(Frozen):
    """Which requests are eligible. Every given field has to fit; no field means all requests."""

    method: str | None = Field(default=None, description="HTTP method, upper case", examples=["POST"])
    path: str | None = Field(default=None, description="glob on the path without query", examples=["/v1/orders*"])
    header: dict[str, str] = Field(
        default_factory=dict, description="header name to glob on its value; names ignore case"
    )

    def fits(self, method: str, path: str, headers: dict[str, str]) -> bool:
        """Tell whether a request is eligible. `path` has no query; header names are lower case."""
        if self.method is not None and self.method.upper() != method:
            return False
        if self.path is not None and not fnmatchcase(path, self.path):
            return False
        return all(
            name.lower() in headers and fnmatchcase(headers[name.lower()], glob) for name, glob in self.header.items()
        )

    @property
    def needs_headers(self) -> bool:
        return bool(self.header)
