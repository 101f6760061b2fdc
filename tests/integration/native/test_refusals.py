"""What turns out only when the system runs: refused with 2 before any load, and nothing is left of the attempt."""

from __future__ import annotations

import json
import os
import shutil

import pytest

from tests.integration.native.rig import Folder
from tests.integration.supervisor.marks import nothing_left

SETPRIV = shutil.which("setpriv")
UNPRIVILEGED = [SETPRIV, "--bounding-set=-all", "--inh-caps=-all"] if SETPRIV else []
"""As root without any right that root has."""


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


@pytest.mark.skipif(os.geteuid() != 0 or not UNPRIVILEGED, reason="needs root and setpriv, to give rights up")
def test_packets_are_not_lost_by_who_may_not_and_nothing_is_started_for_that(pair: Folder) -> None:
    pair.replace("scenarios/back-refused.yaml", "kind: refuse,", "kind: packet_loss, loss: 20%,")
    ran = pair.workbench("run", "back-refused", "--allow-inconclusive", under=UNPRIVILEGED)
    ran.refused(2, "this cannot be done here", "fault no-back (packet_loss): it takes root, or CAP_NET_ADMIN")
    assert not pair.state.exists()
    by_hand = ["fault", "add", "packet_loss", "front:back", "--loss", "20%"]
    started = pair.workbench("up", "--system", "system.yaml", under=UNPRIVILEGED)
    assert 0 == started.code, started.err
    assert "packets" not in pair.status()["stack"]["abilities"]
    pair.workbench(*by_hand, under=UNPRIVILEGED).refused(2, "it takes root, or CAP_NET_ADMIN")
    pair.workbench(*by_hand).refused(2, "fault packet-loss-front-back", "which runtime native lacks")


def test_a_bug_that_the_system_does_not_have_is_named_whatever_runs(pair: Folder) -> None:
    pair.up()
    for command in (["run", "asked"], ["up", "--system", "system.yaml"]):
        pair.workbench(*command, "--bug", "rood").refused(2, "system pair has no bug 'rood'; did you mean 'rude'?")
