"""How the client tells what went wrong: always as a HarnessError that says what was tried and what came back."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.faultproxy.stage import CANARY, LEASE_MS, Stage, built_in, staged
from workbench.adapters.plane_client import PlaneClient
from workbench.errors import HarnessError
from workbench.model.faults.base import Ability


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with built_in() as client, staged(client, frozenset(Ability)) as stage:
        yield stage


def test_refusals_become_harness_errors_with_all_problems(stage: Stage) -> None:
    fault = stage.put_on(kind="latency", delay="1ms")
    with pytest.raises(HarnessError, match="status 409, fault f is already on"):
        stage.client.add_fault(fault, 1, LEASE_MS)
    other = fault.model_copy(update={"edge": "no:body", "id": "g"})
    with pytest.raises(HarnessError, match="status 404, there is no edge no:body"):
        stage.client.add_fault(other, 1, LEASE_MS)
    with pytest.raises(HarnessError, match="nothing is being recorded"):
        stage.client.stop_recording()
    with pytest.raises(HarnessError, match="directory: /nowhere: No such file"):
        stage.client.start_recording(Path("/nowhere"), "r", CANARY)


def test_a_plane_that_is_not_there_is_an_error_with_a_hint() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        client = PlaneClient(f"http://127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(HarnessError, match=r"did not answer GET /faults: .*refused") as caught:
            client.faults()
    assert caught.value.hint is not None


def test_a_plane_that_does_not_answer_has_a_deadline() -> None:
    """It accepts and says nothing, as a stopped process does."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = PlaneClient(f"http://127.0.0.1:{silent.getsockname()[1]}", deadline_s=0.05)
        with pytest.raises(HarnessError, match=r"no answer within 0\.05 s"):
            client.remove_all()


def test_a_token_that_is_wrong_is_told(stage: Stage) -> None:
    with pytest.raises(HarnessError, match="status 401"):
        PlaneClient(stage.client.url, "wrong").faults()
