"""What a journey came to, and what an exception means: pure, so that the rules can be read in one place.

A journey may say itself what it came to (attribute `outcome` of the user). If it does not, it is ok when
nothing failed, indeterminate when the user cannot know, and failed otherwise.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterator

import gevent
import requests
from locust.exception import CatchResponseError

from workbench.model.slo import OUTCOMES
from workbench.rows import one_line

_SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))
_ANSWER_LOST = (
    ConnectionResetError,
    ConnectionAbortedError,
    BrokenPipeError,
    http.client.HTTPException,  # of geventhttpclient too: closed, torn and unreadable answers
    requests.exceptions.ChunkedEncodingError,
)
_LONGEST_TEXT = 300
_DEEPEST = 4


def outcome_of(
    declared: object, *, failure: str | None, unanswered: bool, raised: BaseException | None
) -> tuple[str, str | None]:
    """Return the outcome of a journey and its error.

    `failure` is its first failed request, `unanswered` that one of them may have taken effect unseen.
    """
    error = text_of(raised) if raised is not None else failure
    if declared is not None and declared not in OUTCOMES:
        return "failed", f"outcome {declared!r} is none of {', '.join(OUTCOMES)}"
    if raised is None and declared is not None:
        return str(declared), error
    if declared == "indeterminate" or unanswered or (raised is not None and _in_doubt(raised, changes=False)):
        return "indeterminate", error
    return ("ok" if error is None else "failed"), error


def may_have_taken_effect(method: str, error: BaseException) -> bool:
    """Say whether a failed request leaves the user in doubt: a timeout, or a change whose answer was lost."""
    return _in_doubt(error, changes=method.upper() not in _SAFE_METHODS)


def _in_doubt(error: BaseException, *, changes: bool) -> bool:
    causes = list(_causes(error))
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return False
    lost = changes and any(isinstance(cause, _ANSWER_LOST) for cause in causes)
    return lost or any(map(_is_timeout, causes))


def _causes(error: BaseException, depth: int = 0) -> Iterator[BaseException]:
    """Yield an exception and what is wrapped in it; every HTTP client wraps in its own way."""
    yield error
    if depth < _DEEPEST:
        inner = [getattr(error, "original", None), getattr(error, "reason", None), error.__cause__, error.__context__]
        for cause in (*inner, *error.args):
            if isinstance(cause, BaseException):
                yield from _causes(cause, depth + 1)


def _is_timeout(error: BaseException) -> bool:
    if isinstance(error, (TimeoutError, gevent.Timeout)):
        return True
    return any("timeout" in ancestor.__name__.lower() for ancestor in type(error).__mro__)


def text_of(error: BaseException | str, status: int | None = None) -> str:
    """Return an exception (or what a client gave instead of one) as one short line."""
    if isinstance(error, (str, CatchResponseError)):
        text = str(error)
    elif _is_timeout(error) or _is_timeout(getattr(error, "original", error)):
        text = "timeout"
    elif status is not None and status >= 400:
        text = f"HTTP {status}"
    else:
        text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return one_line(text)[:_LONGEST_TEXT]
