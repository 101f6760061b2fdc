"""The correlation id: one opaque word per user request, carried through every hop, log line and answer."""

from __future__ import annotations

import re
import uuid
from contextvars import ContextVar

HEADER = "x-correlation-id"

_ACCEPTED = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")

current: ContextVar[str | None] = ContextVar("correlation_id", default=None)
"""Correlation id of the request that this code works for."""


def accept(offered: str | None) -> str:
    """Return the caller's id, or a new one where there is none or it could spoil a log or a header."""
    if offered is not None and _ACCEPTED.fullmatch(offered):
        return offered
    return uuid.uuid4().hex
