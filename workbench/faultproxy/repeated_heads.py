"""Read heads of requests that differ from earlier ones in what usually differs: the request line and the trace context.

Callers repeat themselves: all other headers of most requests have been seen before, and need not be read again.
A head is known if it is the same to the byte as one that was read in full, but for its request line, which is read
on its own, and for the value of one well-formed trace context.
"""

from __future__ import annotations

import re
from functools import lru_cache

from workbench.faultproxy.heads import USUAL_LINE, RequestHead, read_request_head

FORMS_KEPT = 512
_LONGEST_FORM = 2048
_LONGEST_LINE = 256
"""In bytes; together they bound what is remembered to some 1.5 MiB."""

_NAME = b"raceparent: "
"""As most write it: with a small or a capital t, and one space."""
_VALUE = 55
"""Bytes of a trace context."""
_DIGITS = bytes(ord("0") if byte in b"0123456789abcdef" else ord("-") if byte == ord("-") else 0 for byte in range(256))
_TRACE = b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-00"
"""A trace context with a 0 for each hexadecimal digit."""
_LINE = re.compile(USUAL_LINE.encode())

_Form = tuple[int, bool, bool, bool]
"""What the headers of a request say of it: fields of `RequestHead`."""

_forms: dict[bytes, _Form] = {}
"""By the bytes behind the request line, without the value of the trace context if there is one."""


def known_head(raw: bytes) -> RequestHead | None:
    """Return the head that these bytes are, the blank line included. None: none that is known, or not one alone."""
    line_end = raw.find(b"\r\n")
    at = raw.find(_NAME, line_end) + len(_NAME)
    trace_id = span_id = None
    if at < len(_NAME):
        form = _forms.get(raw[line_end:])
    else:
        form = _forms.get(raw[line_end:at] + raw[at + _VALUE :])
        if form is None:
            return None
        value = raw[at : at + _VALUE]
        if value.translate(_DIGITS) != _TRACE:
            return None
        text = value.decode()
        trace_id, span_id = text[3:35], text[36:52]
    if form is None or line_end > _LONGEST_LINE or (line := _read_line(raw[:line_end])) is None:
        return None
    length, closes, expects_continue, upgrades = form
    return RequestHead(raw, line[0], line[1], length, trace_id, span_id, None, closes, expects_continue, upgrades)


def read_and_remember(raw: bytes) -> RequestHead | None:
    """Do what `read_request_head` does, and know heads that are like this one from now on."""
    head = read_request_head(raw)
    if head is None or head.canary is not None:
        return head
    line_end = raw.find(b"\r\n")
    at = raw.find(_NAME, line_end) + len(_NAME)
    block = raw[line_end:] if at < len(_NAME) else raw[line_end:at] + raw[at + _VALUE :]
    if len(block) > _LONGEST_FORM or line_end > _LONGEST_LINE or _read_line(raw[:line_end]) is None:
        return head
    if head.trace_id is None if at < len(_NAME) else _is_cut_well(head, raw, at):
        if len(_forms) >= FORMS_KEPT:
            _forms.clear()
        _forms[block] = head.length, head.closes, head.expects_continue, head.upgrades
    return head


def _is_cut_well(head: RequestHead, raw: bytes, at: int) -> bool:
    """Tell whether what is cut out from `at` on is the value of the one trace context."""
    name, end = at - len(_NAME), at + _VALUE
    whole = raw[name - 3 : name] in (b"\r\nt", b"\r\nT") and raw[end : end + 2] == b"\r\n"
    return whole and head.trace_id is not None and raw[at:end].translate(_DIGITS) == _TRACE


@lru_cache(maxsize=2048)
def _read_line(line: bytes) -> tuple[str, str] | None:
    """Return method and path of a request line of the usual form; None: it is of another one."""
    usual = _LINE.fullmatch(line)
    return None if usual is None else (usual[1].decode(), usual[2].decode())
