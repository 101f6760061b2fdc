"""What a journey came to, and what an exception means: pure, so that the rules can be read in one place.

A journey may say itself what it came to (attribute `outcome` of the user). If it does not, it is ok when
nothing failed, indeterminate when the user cannot know, and failed otherwise.
"""

from __future__ import annotations

import http.client

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
    if declared == "indeterminate" or unanswered or (raised is not None and is_timeout(raised)):
        return "indeterminate", error
    return ("ok" if error is None else "failed"), error


def is_timeout(error: BaseException) -> bool:
    """Say whether an exception is a timeout of the client; every library has its own class for it."""
    inner = getattr(error, "original", None)  # geventhttpclient wraps what it would have retried
    if isinstance(inner, BaseException):
        return is_timeout(inner)
    if isinstance(error, (TimeoutError, gevent.Timeout)):
        return True
    return any("timeout" in ancestor.__name__.lower() for ancestor in type(error).__mro__)


def may_have_taken_effect(method: str, error: BaseException) -> bool:
    """Say whether a failed request leaves the user in doubt: a timeout, or a change whose answer was lost."""
    return is_timeout(error) or (method.upper() not in _SAFE_METHODS and isinstance(error, _ANSWER_LOST))


def text_of(error: BaseException | str, status: int | None = None) -> str:
    """Return an exception (or what a client gave instead of one) as one short line."""
    if isinstance(error, (str, CatchResponseError)):
        text = str(error)
    elif is_timeout(error):
        text = "timeout"
    elif status is not None and status >= 400:
        text = f"HTTP {status}"
    else:
        text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return one_line(text)[:_LONGEST_TEXT]
