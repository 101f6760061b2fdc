"""Text of a run as it may be shown: not longer than its place, and nothing in it that a reader could not see."""

from __future__ import annotations

import re

_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff\ud800-\udfff]")


def shortened(text: str, limit: int) -> str:
    """Return text of at most so many characters; what was cut shows as an ellipsis."""
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"


def tame(text: str) -> str:
    """Return text without what a reader would not see: control characters, and marks that turn its direction."""
    return _UNSEEN.sub("\ufffd", text)
