"""Secrets are replaced before anything is written: by name of an attribute, by form, and by declared patterns."""

from __future__ import annotations

import re
from collections.abc import Sequence

MASKED = "[masked]"

_SECRET_KEY = re.compile(
    r"(?i)authorization|cookie|passwd|password|secret|credential|private[-_.]?key|api[-_.]?key"
    r"|(?:^|[-_.])(?:access|auth|id|refresh|session|bearer)[-_.]?token$|(?:^|[-_.])token$"
)
_SECRET_FIELD = re.compile(
    r"""(?i)(["'](?:[\w.-]*authorization|(?:set-)?cookie|password|secret|[\w.-]*token)["']\s*:\s*["'])[^"']+"""
)
_CREDENTIALS = re.compile(r"(?i)\b(bearer|basic) [\w.~+/=-]{6,}")


class Masks:
    """The patterns of one system, and those that always count."""

    def __init__(self, patterns: Sequence[str] = ()) -> None:
        self._patterns = [re.compile(pattern) for pattern in patterns]
        self._secret: dict[str, bool] = {}

    def text(self, text: str) -> str:
        """Return text with everything that matches masked."""
        text = _CREDENTIALS.sub(rf"\1 {MASKED}", text)
        for pattern in self._patterns:
            text = pattern.sub(MASKED, text)
        return text

    def line(self, text: str) -> str:
        """Return a line of a log, or JSON text, with everything that matches masked."""
        return self.text(_SECRET_FIELD.sub(rf"\1{MASKED}", text))

    def is_secret(self, key: str) -> bool:
        """Say whether the value of an attribute of that name must not be kept at all."""
        known = self._secret.get(key)
        if known is None:
            known = _SECRET_KEY.search(key) is not None
            if len(self._secret) < 10_000:  # names come from outside
                self._secret[key] = known
        return known

    def labels(self, labels: dict[str, str]) -> dict[str, str]:
        """Return metric labels with their values masked."""
        return {key: MASKED if self.is_secret(key) else self.text(value) for key, value in labels.items()}
