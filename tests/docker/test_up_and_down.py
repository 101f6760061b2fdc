"""up, a second up, status, logs and down of a system in containers; and what is left when the supervisor is killed."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator

import pytest

from tests.docker.conftest import CORE, Contained
from tests.docker.engine import NOTHING, docker, inspected
from tests.integration.supervisor.marks import nothing_left, wait_until


@pytest.fixture
def foreign(images: None) -> Iterator[str]:
    """A container with a volume that have nothing to do with us."""
    docker("volume", "create", "foreign-words")
    command = ("run", "--detach", "--volume=foreign-words:/data", "--name=foreign", "python:3.11-slim", "sleep", "600")
    yield docker(*command)
    docker("rm", "--force", "foreign")
    docker("volume", "rm", "foreign-words")


def test_a_system_comes_up_in_containers_and_goes_down_with_all_that_it_made_and_nothing_else(
    pair: Contained, foreign: str
) -> None:
    up = pair.workbench("up", *CORE, "--system", "system.yaml")
    assert 0 == up.code, up.err
    for name in ("faultproxy", "relay", "collector", "front", "back"):
        assert f"{name} is ready\n" in up.err
    assert "word (bugs: )" == pair.ask()  # through the fault plane, which is between front and back
    assert 4 == len(pair.left()["containers"])
    assert 1 == len(pair.left()["networks"]) == len(pair.left()["volumes"])

    first = pair.status()["stack"]
    again = pair.workbench("up", *CORE, "--system", "system.yaml")
    assert (0, "") == (again.code, again.err)
    assert again.out.startswith("pair is up already\n")
    assert first == pair.status()["stack"]

    assert "front starts\n" == pair.workbench("logs", "front").out
    down = pair.workbench("down")
    assert (0, "pair is down\n") == (down.code, down.out)
    assert NOTHING == pair.left()
    nothing_left(pair.mark)
    assert inspected(foreign)["State"]["Running"]
    assert "foreign-words" == docker("volume", "ls", "--quiet", "--filter=name=foreign-words")


def test_every_port_is_published_on_loopback_and_nothing_may_do_more_than_it_needs(pair: Contained) -> None:
    pair.up()
    for container in pair.left()["containers"]:
        seen = inspected(container)
        published = [one for bound in seen["NetworkSettings"]["Ports"].values() for one in bound or []]
        assert {"127.0.0.1"} >= {one["HostIp"] for one in published}
        assert seen["HostConfig"]["ReadonlyRootfs"]
        assert ["ALL"] == seen["HostConfig"]["CapDrop"]
        assert not seen["HostConfig"]["Privileged"]
        assert "10001:10001" == seen["Config"]["User"]


def test_a_native_stack_is_not_taken_for_one_in_containers(pair: Contained) -> None:
    pair.up()
    refused = pair.workbench("up", "--system", "system.yaml")
    refused.refused(2, "a stack of runtime docker is running here", "--runtime docker uses it as it is")


def test_containers_are_removed_when_the_supervisor_is_killed(pair: Contained) -> None:
    pair.up()
    os.kill(pair.pid("supervisor"), signal.SIGKILL)
    wait_until("all containers are gone", lambda: pair.left() == NOTHING)


def test_a_run_that_is_killed_leaves_no_container_and_no_process(pair: Contained) -> None:
    """Its stack was its own, so the supervisor ends it."""
    running = pair.start("run", "disturbed", *CORE, "--allow-inconclusive", "--no-faults")
    pair.wait_for_event('"phase"')
    running.kill()
    running.communicate()
    wait_until("all containers are gone", lambda: pair.left() == NOTHING)
    nothing_left(pair.mark)


def test_what_an_earlier_stack_of_this_folder_has_left_behind_goes_with_the_next_up(pair: Contained) -> None:
    """Neither supervisor nor guard could remove it: the machine was switched off."""
    docker("run", "--detach", f"--label={pair.label}", "python:3.11-slim", "sleep", "600")
    (left,) = pair.left()["containers"]
    pair.up()
    assert left not in pair.left()["containers"]


def test_a_fault_plane_that_dies_comes_back_with_its_edges(pair: Contained) -> None:
    pair.up()
    docker("kill", pair.container("faultproxy"))
    wait_until("the edge works again", lambda: _answers(pair))


def _answers(pair: Contained) -> bool:
    try:
        return pair.ask() == "word (bugs: )"
    except OSError:
        return False


def test_the_stack_file_names_the_runtime_and_processes_that_mean_something_here(pair: Contained) -> None:
    pair.up()
    stack = json.loads((pair.state / "stack.json").read_text())
    assert "docker" == stack["runtime"]
    front = inspected(pair.container("front"))["State"]["Pid"]
    assert front == stack["processes"]["front"]["pid"]
