"""A clock that moves only when told, in every module that reads the time."""

from __future__ import annotations

import pytest

from tests.unit.faultproxy.clockwork import Clockwork
from workbench.faultproxy import connection, effect, http_answers, http_requests, http_stream, pipe, raw_stream


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clockwork:
    clock = Clockwork()
    for module in (connection, effect, http_answers, http_requests, http_stream, pipe, raw_stream):
        monkeypatch.setattr(module, "monotonic_ns", clock.monotonic_ns)
    return clock
