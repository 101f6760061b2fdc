"""Write an answer in the callee's place, as bytes, and send answers that are here to their last byte."""

from __future__ import annotations

from http import HTTPStatus

from workbench.faultproxy.attempt import Attempt, EndReason
from workbench.faultproxy.heads import HEAD_END, RequestHead
from workbench.faultproxy.pipe import Pipe
from workbench.faultproxy.truncating import Truncation
from workbench.model.faults.actions import Answer


def write_answer(answer: Answer, request: RequestHead, *, close: bool) -> bytes:
    """Return the whole answer; `close` announces that the connection ends with it."""
    lines = [f"HTTP/1.1 {answer.status} {_phrase(answer.status)}"]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    lines.append(f"content-length: {len(answer.body)}")
    if close:
        lines.append("connection: close")
    head = "\r\n".join(lines).encode("latin-1") + HEAD_END
    return head if request.method == "HEAD" else head + answer.body


def begin_answer(down: Pipe, attempt: Attempt, *, head: int = 0) -> None:
    """Let what comes from now on leave as the faults want an answer: late, and at their paces.

    The first `head` bytes are its head; 0: nobody can tell.
    """
    decided = attempt.decided
    if decided is None:
        return
    if decided.response_hold:
        down.hold(decided.response_hold, attempt)
        decided.response_hold = {}
    if paces := decided.paces("response"):
        down.pace(paces, head=head)


def send_whole(down: Pipe, attempt: Attempt, answer: bytes, reason: EndReason) -> bool:
    """Send a whole answer as its faults want it: at their paces, and not all of it if it is to be truncated.

    Return whether the connection ends with it.
    """
    decided = attempt.decided
    head = answer.index(HEAD_END) + len(HEAD_END)
    if decided is not None and (paces := decided.paces("response")):
        down.pace(paces, head=head)
    if decided is None or decided.truncated_at is None or len(answer) == head:
        down.send(answer, attempt, reason)
        return False
    truncation = Truncation(decided.truncated_at, len(answer) - head, head)
    down.send(truncation.take(answer, done=True), attempt, "cut")
    down.cut()
    return True


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Injected"
