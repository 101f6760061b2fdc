"""fault add, list, remove, clear: on at once, seen by callers, visible, gone by themselves, and no part of any run."""

from __future__ import annotations

import json

import pytest

from tests.integration.native.rig import Folder
from tests.integration.supervisor.marks import wait_until


def test_a_fault_is_put_on_shown_and_taken_off(pair: Folder) -> None:
    pair.up()
    added = pair.workbench("fault", "add", "http_status", "front:back", "--status=503", "--id", "broken")
    assert (0, "") == (added.code, added.err)
    assert "fault ON: broken on front:back (http_status), ends by itself in " in added.out
    with pytest.raises(OSError, match="closed connection"):  # front has nothing to fall back on
        pair.ask()

    (seen,) = json.loads(pair.workbench("fault", "list", "--json").out)
    assert ("broken", "front:back", "http_status") == (seen["id"], seen["target"], seen["kind"])
    assert 0 < seen["ends_in_s"] <= 600
    assert 1 == seen["counts"]["hit"]
    assert "broken on front:back" in pair.workbench("fault", "list").out
    assert "fault ON: broken on front:back" in pair.workbench("status").out

    removed = pair.workbench("fault", "remove", "broken")
    assert (0, "broken on front:back is off\n") == (removed.code, removed.out)
    assert "word (bugs: )" == pair.ask()
    pair.workbench("fault", "remove", "broken").refused(2, "no fault 'broken' is on")


def test_all_of_them_are_taken_off_at_once(pair: Folder) -> None:
    pair.up()
    assert "no fault was on\n" == pair.workbench("fault", "clear").out
    for name in ("one", "two"):
        assert 0 == pair.workbench("fault", "add", "latency", "front:back", "--delay", "1ms", "--id", name).code
    pair.workbench("fault", "add", "latency", "front:back", "--delay", "1ms", "--id", "two").refused(2, "two is on")
    cleared = pair.workbench("fault", "clear")
    assert (0, "off: one on front:back, two on front:back\n") == (cleared.code, cleared.out)
    assert "no fault is on\n" == pair.workbench("fault", "list").out


def test_one_that_nobody_takes_off_ends_by_itself(pair: Folder) -> None:
    pair.up()
    assert 0 == pair.workbench("fault", "add", "refuse", "front:back", "--for", "5s").code
    wait_until("the fault has ended", lambda: pair.workbench("fault", "list").out == "no fault is on\n")
    assert "word (bugs: )" == pair.ask()


def test_a_run_does_not_begin_while_one_is_on(pair: Folder) -> None:
    """What it does would be taken for the system's own doing."""
    pair.up()
    assert 0 == pair.workbench("fault", "add", "latency", "front:back", "--delay", "5ms", "--id", "mine").code
    pair.workbench("run", "asked").refused(2, "fault mine is on front:back, put there by hand", "workbench fault clear")
    assert [] == pair.runs()
    assert ["mine"] == [fault["id"] for fault in json.loads(pair.workbench("fault", "list", "--json").out)]


@pytest.mark.parametrize("command", [["list"], ["clear"], ["remove", "x"], ["add", "refuse", "front:back"]])
def test_without_a_stack_there_is_nothing_to_break(pair: Folder, command: list[str]) -> None:
    pair.workbench("fault", *command).refused(2, "no stack runs here", "workbench up")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["latency", "front:back", "--for", "soon", "--delay", "1s"], "--for: 'soon' is not a duration"),
        (["latency", "front:back", "--for", "25h", "--delay", "1s"], "--for 25h has to be above 0 and at most 24h"),
        (["latency", "front:back", "--delay"], "--delay: has no value"),
        (["latency", "front:back", "800ms"], "800ms: is no option"),
    ],
)
def test_what_cannot_be_read_is_refused(pair: Folder, words: list[str], told: str) -> None:
    pair.workbench("fault", "add", *words).refused(2, told)
