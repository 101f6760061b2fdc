"""The error that several kinds answer in the callee's place."""

from __future__ import annotations

import json
import math

from workbench.model.faults.actions import Answer
from workbench.model.units import Duration


def error_answer(status: int, fault_id: str, retry_after: Duration | None = None) -> Answer:
    """Return a problem document (RFC 9457) that names the fault. Retry-After is in whole seconds, rounded up."""
    body = json.dumps({"type": "about:blank", "title": "Injected fault", "status": status, "fault": fault_id})
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/problem+json"),)
    if retry_after is not None:
        headers += (("retry-after", str(math.ceil(retry_after.s))),)
    return Answer(status=status, headers=headers, body=body.encode())
