"""What turns out only when the system runs: refused with 2 before any load, and nothing is left of the attempt."""

from __future__ import annotations

import json

from tests.integration.native.rig import Folder
from tests.integration.supervisor.marks import nothing_left


def test_a_rate_that_no_machine_reaches_is_refused_with_one_that_fits(pair: Folder) -> None:
    ran = pair.workbench("run", "asked", "--rate", "60000/s")
    ran.refused(2, "journeys/s are planned, and this machine sustains about", "--rate ", "--allow-inconclusive")
    assert [] == pair.runs()
    nothing_left(pair.mark)


def test_a_rate_beyond_any_run_is_refused_without_starting_anything(pair: Folder) -> None:
    ran = pair.workbench("run", "asked", "--rate", "9000000/s")
    ran.refused(2, "a run can have 10,000,000 at the most", "--rate")
    assert not pair.state.exists()


def test_a_locustfile_that_cannot_be_imported_is_named_with_its_line(pair: Folder) -> None:
    pair.replace("journeys.py", "from locust import", "import shup\nfrom locust import")
    pair.workbench("run", "asked").refused(2, "journeys.py", "shup")
    assert [] == pair.runs()
    nothing_left(pair.mark)


def test_a_fault_that_the_runtime_cannot_inject_is_refused(pair: Folder) -> None:
    """A stack tells what its fault plane is able to do; this one is made to tell of less."""
    pair.up()
    stack = pair.state / "stack.json"
    told = json.loads(stack.read_text())
    stack.write_text(json.dumps(told | {"abilities": ["http"]}))
    pair.workbench("run", "back-refused", "--allow-inconclusive").refused(
        2, "fault no-back (refuse) needs network, which runtime native lacks", "workbench down"
    )
    assert [] == pair.runs()


def test_a_bug_that_the_system_does_not_have_is_named_whatever_runs(pair: Folder) -> None:
    pair.up()
    for command in (["run", "asked"], ["up", "--system", "system.yaml"]):
        pair.workbench(*command, "--bug", "rood").refused(2, "system pair has no bug 'rood'; did you mean 'rude'?")
