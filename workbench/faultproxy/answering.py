"""Write an answer in the callee's place, as bytes."""

from __future__ import annotations

from http import HTTPStatus

from workbench.faultproxy.heads import RequestHead
from workbench.model.faults.actions import Answer


def write_answer(answer: Answer, request: RequestHead, *, close: bool) -> bytes:
    """Return the whole answer; `close` announces that the connection ends with it."""
    lines = [f"HTTP/1.1 {answer.status} {_phrase(answer.status)}"]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    lines.append(f"content-length: {len(answer.body)}")
    if close:
        lines.append("connection: close")
    head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
    return head if request.method == "HEAD" else head + answer.body


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Injected"
