"""What every message has, whatever it tells: the form in which one service's events reach another one."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

_MOST = 2**63 - 1


class Envelope(BaseModel):
    """One message. What it does not know of it leaves alone, so that publishers can add to it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$", description="the same whenever it is delivered again")]
    topic: Annotated[str, Field(pattern=r"^[a-z][a-z0-9.-]{0,63}$", description="what kind of event it tells of")]
    key: Annotated[str, Field(pattern=r"^[A-Za-z0-9_:-]{1,64}$", description="events of one key arrive in order")]
    created_ns: Annotated[int, Field(ge=0, le=_MOST, description="when it was written, in ns of wall time")]
    attempt: Annotated[int, Field(ge=1, le=2**31 - 1, description="how often it was published, with this time")] = 1
    payload: dict[str, JsonValue]


class Unintelligible(Exception):
    """The message says nothing that this service could act upon, now or later."""


def describe(error: Any) -> str:
    """Return what a validation found, in one line without the values, which may be anybody's."""
    return "; ".join(f"{'.'.join(map(str, e['loc'])) or 'message'}: {e['msg']}" for e in error.errors())
