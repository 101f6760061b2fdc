"""Everything that is wrong with a scenario and what it refers to is told at once, with file, line, path and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.loading.folder import SLO, edit
from workbench.errors import InvalidInput, UsageError
from workbench.loading.overrides import Overrides
from workbench.loading.scenario_files import load_scenario


def problems(path: Path, overrides: Overrides | None = None) -> list[str]:
    """Return everything that is told."""
    with pytest.raises(InvalidInput) as raised:
        load_scenario(path, overrides or Overrides())
    in_files = any(not problem.file.startswith("--") for problem in raised.value.problems)
    assert ("workbench validate spike.yaml checks it again" if in_files else None) == raised.value.hint
    return [str(problem) for problem in raised.value.problems]


def test_a_scenario_that_holds_is_loaded_with_all_it_refers_to(scenario: Path) -> None:
    loaded = load_scenario(scenario)
    assert ("spike", "small", ["browse-fast"]) == (
        loaded.scenario.name,
        loaded.system.name,
        [slo.name for slo in loaded.slos],
    )
    assert (scenario.parent.resolve() / "users.py", "Browse") == loaded.locustfile("browse")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("title:", "titel:", ["spike.yaml:1: title: is missing", "spike.yaml:3: titel: unknown key 'titel'; did you"]),
        ("delay:", "dealy:", ["spike.yaml:13: faults.0.delay: is missing", "dealy: unknown key 'dealy'; did you mean"]),
        ("kind: latency", "kind: latncy", ["spike.yaml:13: faults.0.kind: unknown kind 'latncy'; did you"]),
        ("kind: breaker_opens", "kind: opens", ["spike.yaml:17: expect.0.kind: unknown kind 'opens'; "]),
        ("kind: latency, ", "", ["spike.yaml:13: faults.0: `kind` is missing"]),
        ("duration: 10s}\nfaults", "duration: 10}\nfaults", ["spike.yaml:11: phases.1.duration: 10 is not a duration"]),
        ("name: fault,", "name: baseline,", ["spike.yaml:11: phases.1.name: phase baseline is there twice"]),
        ("delay: 800ms", "delay: 800ms, phase: falt", ["spike.yaml:13: faults.0.phase: there is no phase 'falt'"]),
        ("delay: 800ms", "delay: 800ms, phase: baseline", ["spike.yaml:13: faults.0.phase: baseline has to stay free"]),
        ("delay: 800ms", "delay: 800ms, share: 0%", ["spike.yaml:13: faults.0: share is 0 %"]),
        (
            "delay: 800ms",
            "delay: 800ms, schedule: {start: 9s, duration: 2s}",
            ["spike.yaml:13: faults.0.schedule: reaches beyond phase fault, which lasts 10s"],
        ),
        (
            'edge: "front:orders", delay',
            'edge: "front:order", delay',
            ["spike.yaml:13: faults.0.edge: unknown edge 'front:order'; did you mean 'front:orders'?"],
        ),
        (
            'kind: latency, edge: "front:orders", delay: 800ms',
            "kind: kill, service: order",
            ["spike.yaml:13: faults.0.service: unknown service 'order'; did you mean 'orders'?"],
        ),
        (
            'kind: latency, edge: "front:orders", delay: 800ms}',
            "kind: kill, service: orders}\n  - {id: more, kind: pause, service: orders, schedule: {start: 9s}}",
            ["spike.yaml:14: faults.1.service: orders is disturbed by", "and a service takes one at once; let one end"],
        ),
        ("- {slo: browse-fast}", "- {slo: browse-fats}", ["spike.yaml:15: steady_state.0.slo: unknown SLO"]),
        ("{browse: 1, checkout", "{brows: 1, checkout", ["spike.yaml:7: load.mix.brows: unknown journey 'brows'"]),
        (
            "{browse: 1, checkout: 1}",
            "{checkout: 1}",
            ["spike.yaml:15: steady_state.0.slo: SLO 'browse-fast' is about journey 'browse', which is not"],
        ),
        ("browse: 1, checkout: 1", "browse: 0, checkout: 1", ["spike.yaml:7: load.mix.browse: a weight has to be"]),
        ("browse: 1, checkout: 1", "browse: 1e308, checkout: 1e308", ["spike.yaml:7: load.mix: the sum of all"]),
        ("rate: 20/s", "rate: 0/s", ["spike.yaml:8: load.arrivals.rate: '0/s' is not a rate; write"]),
        ("rate: 20/s", "profile: []", ["spike.yaml:8: load.arrivals: give either `rate` or `profile`"]),
        ("rate: 20/s", "rate: 20/s, model: closed", ["spike.yaml:8: load.arrivals.model: "]),
        ("version: 1", "version: 2", ["spike.yaml:1: version: "]),
        ("system: ./system.yaml", "system: ./sytem.yaml", ["spike.yaml:5: system: there is no system file"]),
        ("system: ./system.yaml", "system: shp", ["spike.yaml:5: system: there is no installed system 'shp'"]),
    ],
)  # fmt: skip
def test_each_problem_is_told_where_it_is(scenario: Path, old: str, new: str, told: list[str]) -> None:
    edit(scenario, old, new)
    found = problems(scenario)
    for text in told:
        assert any(text in line for line in found), f"{text!r} is not in {found}"


def test_a_share_of_requests_needs_requests(scenario: Path) -> None:
    """On an edge of bytes connections are decided on; the remedy says so with the figure that was meant."""
    edit(scenario.parent / "system.yaml", "env: ORDERS_URL}", "env: ORDERS_URL, protocol: tcp}")
    edit(scenario, "delay: 800ms", "delay: 800ms, share: 30%")
    assert any(
        "spike.yaml:13: faults.0.share: `share` is of requests, and front:orders is an edge of protocol tcp, which has"
        " none; use `connection_share: 30%`" in line
        for line in problems(scenario)
    )
    edit(scenario, "share: 30%", "connection_share: 30%")
    load_scenario(scenario)


def test_nothing_that_is_judged_is_a_problem(scenario: Path) -> None:
    edit(scenario, "steady_state:\n  - {slo: browse-fast}\n", "")
    edit(scenario, 'expect:\n  - {kind: breaker_opens, edge: "front:orders", within: 5s}\n', "")
    assert ["spike.yaml:1: nothing is judged: give steady_state, slos or expect"] == problems(scenario)


def test_problems_in_all_files_are_told_at_once(scenario: Path) -> None:
    """In the scenario, in an objective, and in a locustfile: nobody has to come back three times."""
    edit(scenario, "rate: 20/s", "rate: fast")
    edit(scenario, "kind: latency", "kind: slow")
    edit(scenario.parent / "slos" / "browse-fast.yaml", "target: 0.95", "target: 95")
    edit(scenario.parent / "users.py", "class Checkout(HttpUser):", "class Checkout(HttpUser)")
    found = problems(scenario)
    starts = [
        "spike.yaml:8: load.arrivals.rate",
        "spike.yaml:13: faults.0.kind",
        "slos/browse-fast.yaml:13: ",
        "users.py:8: ",
    ]
    for start in starts:
        assert 1 == len([line for line in found if start in line]), f"{start} is not once in {found}"


def test_problems_of_a_system_are_told_with_its_own_lines(scenario: Path) -> None:
    system = scenario.parent / "system.yaml"
    edit(system, "callee: orders", "callee: ordres")
    edit(system, "entry: front", "entry: frnt")
    found = problems(scenario)
    assert any(
        "system.yaml:7: edges.0.callee: there is no service 'ordres'; there are: front, orders" in f for f in found
    )
    assert any("system.yaml:8: entry: there is no service 'frnt'" in f for f in found)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("users.py, user: Browse", "gone.py, user: Browse", "system.yaml:10: journeys.browse: locustfile "),
        ("user: Browse", "user: Brows", "has no class 'Brows'; did you mean 'Browse'? there are: Browse, Checkout"),
        ("slos/*.yaml", "slo/*.yaml", "system.yaml:12: slos.0: no file fits 'slo/*.yaml'"),
        ("slos/*.yaml", "/etc/*.yaml", "system.yaml:12: slos.0: '/etc/*.yaml' has to be a path relative to this file"),
        ('front: {command: ["serve"]}', "front: {}", "system.yaml:4: services.front: give either `run`"),
        ("env: ORDERS_URL", "env: orders", "system.yaml:7: edges.0.env: 'orders' does not fit the pattern"),
        ("entry: front", "entry: front\nmasks: ['(']", "system.yaml:9: masks.0: '(' is not a regular expression"),
    ],
)
def test_what_is_wrong_with_a_system_is_told(scenario: Path, old: str, new: str, told: str) -> None:
    edit(scenario.parent / "system.yaml", old, new)
    assert any(told in line for line in problems(scenario)), problems(scenario)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "target: 0.95",
            "target: 1.0",
            "slos/browse-fast.yaml:13: spec.objectives.0.target: target must be above 0 and",
        ),
        ("kind: SLO", "kind: Service", "slos/browse-fast.yaml:2: kind: "),
        ("type: workbench, spec: {journey: browse, under", "type: prometheus, spec: {journey: browse, under", ":10: "),
        ("{journey: browse}", "{journey: other}", "good counts journey 'browse' and total counts 'other'"),
        ("under: 500ms", "under: 500", "500 is not a duration; write a number and a unit"),
    ],
)
def test_what_is_wrong_with_an_objective_is_told(scenario: Path, old: str, new: str, told: str) -> None:
    edit(scenario.parent / "slos" / "browse-fast.yaml", old, new)
    assert any(told in line for line in problems(scenario)), problems(scenario)


def test_two_objectives_of_one_name_are_told(scenario: Path) -> None:
    (scenario.parent / "slos" / "other.yaml").write_text(SLO)
    assert any(
        "slos/other.yaml:3: metadata.name: SLO 'browse-fast' is in another file" in f for f in problems(scenario)
    )


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (Overrides(rate="fast"), "--rate: 'fast' is not a rate; write a number above zero per unit of time"),
        (Overrides(rate="0/s"), "--rate: '0/s' is not a rate"),
        (Overrides(seed=-1), "--seed: seed: input should be greater than or equal to 0 (got -1)"),
        (Overrides(system="shp"), "--system: system: there is no installed system 'shp'"),
        (
            Overrides(changes={"faults.slw.delay": "1s"}),
            "--set: faults.slw.delay: there is no 'faults.slw'; did you mean",
        ),
        (Overrides(changes={"faults.7.delay": "1s"}), "--set: faults.7.delay: there is no 'faults.7'"),
        (Overrides(changes={"faults.slow.delay": "soon"}), "--set: faults.0.delay: 'soon' is not a duration"),
        (
            Overrides(changes={"faults.slow.dealy": "1s"}),
            "--set: faults.0.dealy: unknown key 'dealy'; did you mean 'delay'",
        ),
        (Overrides(changes={"title.x": "1s"}), "--set: title.x: there is no 'title.x'"),
        (Overrides(changes={"load.arrivals.rate": "[1"}), "--set: load.arrivals.rate: '[1' is not a YAML value"),
        (Overrides(changes={"": "1"}), "--set: unknown key ''"),
        (Overrides(changes={"faults": "none"}), "--set: faults: input should be a valid list (got 'none')"),
    ],
)
def test_an_option_that_cannot_be_carried_out_is_named(scenario: Path, overrides: Overrides, told: str) -> None:
    """Not the file: it is not what has to be changed."""
    assert any(told in line for line in problems(scenario, overrides)), problems(scenario, overrides)


def test_options_change_what_they_say(scenario: Path) -> None:
    changes = {
        "faults.slow.delay": "1s",
        "expect.breaker_opens.within": "3s",
        "phases.1.duration": "20s",
        "abort_when": "[]",
    }
    loaded = load_scenario(scenario, Overrides(seed=9, rate="5/s", changes=changes)).scenario
    assert (9, "5/s", "1s", "3s", "20s", []) == (
        loaded.seed,
        str(loaded.load.arrivals.rate),
        str(loaded.faults[0].delay),  # type: ignore[union-attr]
        str(loaded.expect[0].within),  # type: ignore[union-attr]
        str(loaded.phases[1].duration),
        loaded.abort_when,
    )


def test_a_rate_scales_a_profile_to_its_highest_point(scenario: Path) -> None:
    edit(scenario, "rate: 20/s", "profile: [{at: 0s, rate: 10/s}, {at: 5s, rate: 40/s}]")
    loaded = load_scenario(scenario, Overrides(rate="20/s")).scenario
    assert ["5/s", "20/s"] == [str(point.rate) for point in loaded.load.arrivals.profile]


def test_a_locustfile_of_the_scenario_names_its_classes_in_the_mix(scenario: Path) -> None:
    edit(scenario, "mix: {browse: 1, checkout: 1}", "mix: {Browse: 1, Chekout: 1}\n  locustfile: users.py")
    assert any(
        "spike.yaml:7: load.mix.Chekout: " in line and "has no class 'Chekout'; did you mean 'Checkout'?" in line
        for line in problems(scenario)
    )


def test_a_scenario_that_is_not_there_is_a_problem_of_its_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone.yaml: cannot be read: No such file or directory"):
        load_scenario(tmp_path / "gone.yaml")
