"""The journal keeps every event when it happens, counts from run zero, and survives a full disk and a torn end."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.world import World
from workbench.engine.journal import Journal, read_journal
from workbench.errors import EnvironmentFailure, Interrupted
from workbench.model.events import AnyEvent, PhaseStarted, RunEnded, RunStarted, Warned

ZERO_NS = 1_000


def opened(path: Path, world: World, now_ns: int = ZERO_NS) -> Journal:
    return Journal(path, world.sink, lambda: now_ns)


def test_events_before_run_zero_are_kept_with_negative_times(tmp_path: Path) -> None:
    """They are shown at once, and written when it is known what they count from."""
    world, path = World(), tmp_path / "journal.jsonl"
    journal = opened(path, world, 400)
    journal.write(RunStarted(at_ns=journal.now(), run_id="r", scenario="s"))
    assert (1, b"") == (len(world.sink.events), path.read_bytes())
    journal.set_zero(ZERO_NS)
    journal.write(PhaseStarted(at_ns=0, phase="warmup"))
    events, problems = read_journal(path)
    assert ([-600, 0], []) == ([event.at_ns for event in events], problems)
    assert -600 == journal.now()


def test_a_run_that_never_began_counts_from_its_last_event(tmp_path: Path) -> None:
    journal = opened(tmp_path / "journal.jsonl", World())
    journal.write(RunStarted(at_ns=100, run_id="r", scenario="s"))
    journal.write(Warned(at_ns=300, message="m"))
    journal.close()
    assert [-200, 0] == [event.at_ns for event in read_journal(tmp_path / "journal.jsonl")[0]]


def test_an_event_is_in_the_file_before_the_next_one_happens(tmp_path: Path) -> None:
    """Whoever kills the runner now finds it: nothing waits in a buffer, and nothing is shown that is not kept."""
    path = tmp_path / "journal.jsonl"
    world = World()
    journal = opened(path, world)
    journal.set_zero(ZERO_NS)
    kept: list[int] = []
    world.calls.strike = lambda *_: kept.append(len(read_journal(path)[0]))
    journal.write(PhaseStarted(at_ns=0, phase="warmup"))
    assert [1, 1] == kept, "when it was shown it was not in the file"


def test_a_signal_while_an_event_is_shown_does_not_lose_it(tmp_path: Path) -> None:
    world, path = World(), tmp_path / "journal.jsonl"
    journal = opened(path, world)
    journal.set_zero(ZERO_NS)
    world.interruption.strike_at(0, "before")
    with pytest.raises(Interrupted):
        journal.write(PhaseStarted(at_ns=0, phase="warmup"))
    assert ["phase_started"] == [event.event for event in read_journal(path)[0]]


def test_a_full_disk_is_said_once_and_events_are_still_shown() -> None:
    """The run ends over it; what it does from there on must not fail over it a second time."""
    world = World()
    journal = opened(Path("/dev/full"), world)
    journal.set_zero(ZERO_NS)
    with pytest.raises(EnvironmentFailure, match="the journal can no longer be written: No space left on device") as e:
        journal.write(PhaseStarted(at_ns=0, phase="warmup"))
    assert "free some room, or choose another folder with --reports" == e.value.hint
    journal.write(RunEnded(at_ns=1))
    journal.close()
    assert ["phase_started", "run_ended"] == [event.event for event in world.sink.events]


def test_a_disk_that_is_full_before_run_zero_still_closes_the_file() -> None:
    journal = opened(Path("/dev/full"), World())
    journal.write(RunStarted(at_ns=100, run_id="r", scenario="s"))
    with pytest.raises(EnvironmentFailure):
        journal.close()
    assert journal._file.closed


def written(path: Path) -> bytes:
    journal = opened(path, World())
    journal.set_zero(ZERO_NS)
    events: list[AnyEvent] = [PhaseStarted(at_ns=0, phase="warmup"), RunEnded(at_ns=1)]
    for event in events:
        journal.write(event)
    journal.close()
    return path.read_bytes()


def test_a_torn_last_line_costs_that_line_only_and_is_named(tmp_path: Path) -> None:
    """At every place it can be torn."""
    path = tmp_path / "journal.jsonl"
    whole = written(path)
    first = whole.index(b"\n") + 1
    for end in range(first + 1, len(whole) - 1):
        path.write_bytes(whole[:end])
        events, problems = read_journal(path)
        assert ["phase_started"] == [event.event for event in events]
        assert ["journal.jsonl:2: torn last line, dropped"] == problems


def test_a_damaged_line_in_the_middle_costs_that_line_only_and_is_named(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    whole = written(path)
    path.write_bytes(b'\xff\xfe\n{"event": "no such", "at_ns": 1}\n' + whole)
    events, problems = read_journal(path)
    assert ["phase_started", "run_ended"] == [event.event for event in events]
    assert [f"journal.jsonl:{n}: unreadable line, skipped" for n in (1, 2)] == problems


def test_a_journal_that_is_not_there_is_a_problem_and_no_error(tmp_path: Path) -> None:
    assert ([], ["journal.jsonl is missing"]) == read_journal(tmp_path / "journal.jsonl")


def test_a_folder_in_its_place_is_a_problem_and_no_error(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").mkdir()
    assert ([], ["journal.jsonl cannot be read: Is a directory"]) == read_journal(tmp_path / "journal.jsonl")


def test_who_comes_later_is_shown_what_happens_from_then_on(tmp_path: Path) -> None:
    world, later = World(), World()
    journal = opened(tmp_path / "journal.jsonl", world)
    journal.write(Warned(at_ns=1, message="early"))
    journal.show_to(later.sink)
    journal.write(RunEnded(at_ns=2))
    assert ["warned"] == [event.event for event in world.sink.events]
    assert ["run_ended"] == [event.event for event in later.sink.events]
