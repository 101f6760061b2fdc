"""A process of ours from the runner's side: typed answers, a deadline for each call.

Every failure becomes a HarnessError here: the process is ours, so whatever it cannot do is no fault of a user.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from workbench.calls import NoAnswer, Refused, call
from workbench.errors import HarnessError
from workbench.model.recording import Refusal

DEADLINE_S = 5.0
_NOTHING_THERE = (HTTPStatus.NOT_FOUND, HTTPStatus.PRECONDITION_FAILED)
"""The second one (RFC 9110, 13.1.1) where a request said that it is only for what there is."""

M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class ProcessClient:
    """One process. A connection is made for each call, so that a process that was replaced is found again.

    Safe to use from several threads.
    """

    name: str
    log: str
    url: str
    token: str | None = None
    deadline_s: float = DEADLINE_S

    def ask(self, method: str, path: str, answer: type[M], body: str | None = None) -> M:
        """Return the answer to one request."""
        return self._read(method, path, answer, self.send(method, path, body))

    def ask_or_none(
        self,
        method: str,
        path: str,
        answer: type[M],
        body: str | None = None,
        more_headers: Mapping[str, str] | None = None,
    ) -> M | None:
        """Return the answer to one request; None where what it is about does not exist."""
        try:
            return self._read(method, path, answer, self._call(method, path, body, more_headers))
        except Refused as refused:
            if refused.status in _NOTHING_THERE:
                return None
            raise self._refused(method, path, refused) from refused

    def change(self, path: str, answer: type[M], body: str) -> M | None:
        """Put this where something is; None, and nothing done, where nothing is."""
        return self.ask_or_none("PUT", path, answer, body, {"If-Match": "*"})

    def send(self, method: str, path: str, body: str | None = None) -> bytes:
        """Send one request and return the body of its answer."""
        try:
            return self._call(method, path, body)
        except Refused as refused:
            raise self._refused(method, path, refused) from refused

    def _call(self, method: str, path: str, body: str | None, more_headers: Mapping[str, str] | None = None) -> bytes:
        url = self.url.rstrip("/") + path
        try:
            return call(method, url, token=self.token, body=body, deadline_s=self.deadline_s, more_headers=more_headers)
        except Refused:
            raise
        except NoAnswer as error:
            raise HarnessError(
                f"the {self.name} at {self.url} did not answer {method} {path}: {error}",
                hint=f"its log is in logs/{self.log}.log",
            ) from error

    def _read(self, method: str, path: str, answer: type[M], content: bytes) -> M:
        try:
            return TypeAdapter(answer).validate_json(content)
        except ValidationError as error:
            raise HarnessError(f"the {self.name}'s answer to {method} {path} cannot be understood: {error}") from error

    def _refused(self, method: str, path: str, refused: Refused) -> HarnessError:
        try:
            refusal = Refusal.model_validate_json(refused.content)
        except ValidationError:
            reason = str(refused)
        else:
            reason = "; ".join([f"status {refused.status}, {refusal.error}", *refusal.problems])
        return HarnessError(f"the {self.name} refused {method} {path}: {reason}")
