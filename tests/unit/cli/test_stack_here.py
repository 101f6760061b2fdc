"""Commands beside a stack that is up: what they refuse, and what they show of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.unit.cli.terminal import Terminal
from workbench.model.stack import EdgeAddress, ProcessId, RunningStack


@pytest.fixture
def stack(pair: Path) -> RunningStack:
    """A stack that counts as running, as long as this very process does. Nobody answers there."""
    me = ProcessId(pid=os.getpid(), started_s=psutil.Process().create_time())
    made = RunningStack(
        stack_id="s",
        system="pair",
        system_file=str(pair / "system.yaml"),
        port_base=18_000,
        services={"front": "http://127.0.0.1:18001"},
        edges={
            "front:back": EdgeAddress(listener="127.0.0.1:18002", upstream="127.0.0.1:18003", protocol="tcp"),
            "front:page": EdgeAddress(listener="127.0.0.1:18004", upstream="127.0.0.1:18005", protocol="http"),
        },
        control_url="",
        plane_url="",
        collector_url="",
        token="t",
        abilities=[],
        owned=False,
        processes={"supervisor": me},
    )
    (pair / ".workbench").mkdir()
    (pair / ".workbench" / "stack.json").write_text(made.model_dump_json())
    return made


def test_other_ports_than_those_of_the_stack_are_refused(workbench: Terminal, stack: RunningStack) -> None:
    for command in (["up", "--system", "system.yaml"], ["run", "asked"]):
        told = "the ports of the stack that is running here begin at 18000, not 20000"
        refused = workbench(*command, "--port-base", "20000")
        assert 2 == refused.code
        assert told in refused.err
        assert "workbench down ends it" in refused.err
    for ports in ([], ["--port-base", "18000"]):
        assert 0 == workbench("up", "--system", "system.yaml", *ports).code


def test_only_an_edge_of_http_has_an_address_for_browsers(workbench: Terminal, stack: RunningStack) -> None:
    shown = workbench("up", "--system", "system.yaml").out.split()
    assert {"127.0.0.1:18002", "http://127.0.0.1:18004"} <= set(shown)


def test_a_fault_on_a_resource_lasts_no_longer_than_services_take_it(workbench: Terminal, stack: RunningStack) -> None:
    workbench("fault", "add", "db_slow", "words", "--delay", "1s", "--for", "11m").refused(
        2, "--for 11m is too long: services take faults on resources for 10m at most", "--for 10m"
    )


def test_logs_are_followed_beyond_a_start_of_the_stack(
    workbench: Terminal, pair: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files go, and come again shorter than they were."""
    log = pair / ".workbench" / "logs" / "front.log"
    log.parent.mkdir(parents=True)
    log.write_text("a long line of the first stack\n")
    steps: Iterator[Callable[[], object]] = iter(
        [log.unlink, lambda: log.write_text("second\n"), lambda: log.write_text("second\nthird\n")]
    )

    def sleep(_: float) -> None:
        try:
            next(steps)()
        except StopIteration:
            raise KeyboardInterrupt from None

    monkeypatch.setattr("workbench.cli.stacks.time.sleep", sleep)
    followed = workbench("logs", "front", "--follow")
    assert (130, "a long line of the first stack\nsecond\nthird\n") == (followed.code, followed.out)


def test_where_nothing_was_ever_up_nothing_is_left_behind(workbench: Terminal, pair: Path) -> None:
    ended = workbench("down")
    assert (0, "nothing is up\n") == (ended.code, ended.out)
    assert not (pair / ".workbench").exists()
