"""Faults from the command line: the models of scenarios, every problem named by its option, all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.loading.folder import edit
from workbench.errors import InvalidInput
from workbench.loading.fault_options import read_fault
from workbench.loading.scenario_files import load_system
from workbench.model.faults.http_status import HttpStatus
from workbench.model.faults.latency import Latency
from workbench.model.system import System
from workbench.model.units import Duration, Ratio


@pytest.fixture
def system(scenario: Path) -> System:
    return load_system("./system.yaml", scenario.parent).system


def problems(system: System, kind: str, target: str, /, **options: str) -> list[str]:
    """Return everything that is told."""
    with pytest.raises(InvalidInput) as raised:
        read_fault(kind, target, {name.replace("__", "."): value for name, value in options.items()}, system)
    return [str(problem) for problem in raised.value.problems]


def test_every_key_of_the_kind_is_an_option(system: System) -> None:
    options = {"delay": "800ms", "share": "30%", "match.path": "/v1/*", "match.header.X-Tier": "gold", "seed": "4"}
    (fault,) = read_fault("latency", "front:orders", options, system)
    assert isinstance(fault, Latency)
    assert (Duration.parse("800ms"), Ratio(0.3), 4, "latency-front-orders") == (
        fault.delay,
        fault.share,
        fault.seed,
        fault.id,
    )
    assert ("/v1/*", {"X-Tier": "gold"}) == (fault.match.path, fault.match.header)


def test_numbers_are_numbers(system: System) -> None:
    (fault,) = read_fault("http_status", "front:orders", {"status": "503", "id": "mine"}, system)
    assert isinstance(fault, HttpStatus)
    assert (503, "mine") == (fault.status, fault.id)


def test_a_partition_is_its_parts(system: System) -> None:
    (fault,) = read_fault("partition", "orders", {}, system)
    assert ("blackhole", "partition-orders-front-orders") == (fault.kind, fault.id)


def test_all_problems_are_told_at_once(system: System) -> None:
    told = problems(system, "latency", "front:order", dealy="3s", jitter="fast", phase="fault", schedule__start="3s")
    assert [
        "TARGET: unknown edge 'front:order'; did you mean 'front:orders'? there are: front:orders",
        "--phase: is for scenarios; by hand a fault is on at once, and --for says how long",
        "--schedule.start: is for scenarios; by hand a fault is on at once, and --for says how long",
    ] == told[:3]
    rest = "\n".join(told[3:])
    for part in ("--delay: is missing", "--dealy: unknown key 'dealy'", "--jitter: 'fast' is not a duration"):
        assert part in rest


@pytest.mark.parametrize(
    ("kind", "target", "option", "value"),
    [
        ("latency", "front:orders", "edge", "nope:nope"),
        ("latency", "front:orders", "edge", "front:orders"),
        ("latency", "front:orders", "kind", "reset"),
        ("pause", "orders", "service", "front"),
        ("pause", "orders", "kind.x", "kill"),
        ("partition", "orders", "services", "[front]"),
        ("partition", "orders", "services.0", "front"),
    ],
)
def test_no_option_replaces_what_kind_and_target_say(
    system: System, kind: str, target: str, option: str, value: str
) -> None:
    delay = {"delay": "1s"} if kind == "latency" else {}
    told = problems(system, kind, target, **delay, **{option: value})
    assert [f"--{option}: is no option: KIND and TARGET say that"] == told


def test_what_needs_requests_is_refused_where_there_are_none(scenario: Path) -> None:
    edit(scenario.parent / "system.yaml", "env: ORDERS_URL}", "env: ORDERS_URL, protocol: tcp}")
    tcp = load_system("./system.yaml", scenario.parent).system
    (told,) = problems(tcp, "latency", "front:orders", delay="1s", share="30%")
    assert told.startswith("--share: `share` is of requests, and front:orders is an edge of protocol tcp")
    (told,) = problems(tcp, "http_status", "front:orders", status="503")
    assert told.startswith("--kind: http_status as declared here needs requests")


@pytest.mark.parametrize(
    ("kind", "target", "options", "told"),
    [
        ("latncy", "front:orders", {}, "KIND: unknown kind 'latncy'; did you mean 'latency'?"),
        ("surge", "load", {"factor": "2"}, "KIND: surge is part of the load"),
        ("partition", "front,orders", {}, "TARGET: no edge leads across the border"),
        ("partition", "frnt", {}, "TARGET: unknown service 'frnt'; did you mean 'front'?"),
        ("latency", "front:orders", {"delay": "0s"}, "fault latency: delay is 0, so the fault would do nothing"),
        ("latency", "front:orders", {"delay": "1s", "delay.max": "2s"}, "--delay.max: lies within a value that has no"),
        ("latency", "front:orders", {"delay": "[1"}, "--delay: delay: '[1' is not a YAML value"),
        ("latency", "front:orders", {"delay": "1s", "id": "Mine!"}, "--id: 'Mine!' does not fit the pattern"),
    ],
)
def test_what_cannot_be_is_refused(system: System, kind: str, target: str, options: dict[str, str], told: str) -> None:
    found = problems(system, kind, target, **{name.replace(".", "__"): value for name, value in options.items()})
    assert any(problem.startswith(told) for problem in found), found
