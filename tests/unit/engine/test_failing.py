"""Whatever fails, and whenever: nothing stays on or keeps running unsaid, and the first failure is told."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.fakes.calls import Moment
from tests.unit.engine.stage import Stage, only
from workbench.engine import conducting
from workbench.errors import EnvironmentFailure, HarnessError, InvalidInput, Problem, WorkbenchError
from workbench.model.events import CleanVerified, Collected, Failed, FaultLost, LoadStopped, PhaseEnded, Settled, Warned

Staged = Callable[..., Stage]

NEVER_FAIL = ("time.", "sink.", "interruption.", "services.cpu", "services.flush", "services.breakers", "plane.canary")
"""Calls that raise nothing by the contract of their port, or write nothing."""

UNTOLD = ("faultproxy.recording", "collector.recording", "services.deaths")
"""Asked again a moment later, or by nobody who could tell: a recorder that is asked at the end how much it has."""

DISK = ("ledger.", "directory.")


def wrong_with(stage: Stage, *, told: bool) -> list[str]:
    """Return what a run that failed must not leave. `told`: its journal has to say that something failed."""
    events = stage.events()
    clean = only(events, CleanVerified)
    warned = " ".join(event.message for event in only(events, Warned))
    wrong = []
    if not clean:
        wrong.append("nobody looked whether it is clean")
    elif clean[-1].clean and (stage.world.plane.on or stage.ledger.entries()):
        wrong.append(f"said to be clean: {stage.world.plane.on}, {stage.ledger.entries()}")
    if stage.world.load.running:
        wrong.append("the load still runs")
    wrong += [f"{r.name} records on" for r in stage.world.recorders if r.active and r.name not in warned]
    if "run_ended" not in [event.event for event in events]:
        wrong.append(f"the journal ends with {[event.event for event in events[-3:]]}")
    if told and not (only(events, Failed) or warned or not clean[-1].clean):
        wrong.append("nothing tells of the failure")
    return wrong


def swept(
    staged: Staged, parts: tuple[str, ...], strikes: Callable[[int, str, Moment, int], WorkbenchError | None]
) -> list[str]:
    """Conduct a run for every call on some parts; `strikes` says what fails for (call, name, moment, struck call)."""
    undisturbed = staged(step_s=0.9)
    undisturbed.conduct()
    found: list[str] = []
    for number, struck in enumerate(undisturbed.world.calls.made):
        if not struck.startswith(parts) or struck.startswith(NEVER_FAIL):
            continue
        if not any(strikes(number, struck, moment, number) for moment in ("before", "after")):
            continue
        stage = staged(step_s=0.9)

        def strike(made: int, name: str, moment: Moment, at: int = number) -> None:
            error = None if name.startswith(NEVER_FAIL) else strikes(made, name, moment, at)
            if error is not None:
                raise error

        stage.world.calls.strike = strike
        try:
            stage.conduct()
        except Exception as error:  # noqa: BLE001 - whatever it is, it names the call
            found.append(f"call {number}, {struck}: {error!r}")
        found += [f"call {number}, {struck}: {text}" for text in wrong_with(stage, told=not struck.startswith(UNTOLD))]
    return found


@pytest.mark.parametrize("moment", ["before", "after"])
def test_one_call_that_fails_is_told_and_hides_nothing(staged: Staged, moment: Moment) -> None:
    """Before its effect, and after it: an answer that is lost."""

    def once(made: int, name: str, at: Moment, number: int) -> WorkbenchError | None:
        failure = EnvironmentFailure if name.startswith(DISK) else HarnessError
        return failure("struck") if made == number and at == moment else None

    assert [] == swept(staged, ("plane.", "load.", "services.", "faultproxy.", "collector.", *DISK), once)


def test_a_full_disk_at_any_write_is_told(staged: Staged) -> None:
    """From that write on the ledger and the directory take nothing more."""

    def full(made: int, name: str, at: Moment, number: int) -> WorkbenchError | None:
        writes = name.startswith(DISK) and at == "before" and made >= number
        return EnvironmentFailure("no space left on device") if writes else None

    assert [] == swept(staged, DISK, full)


@pytest.mark.parametrize("part", ["plane", "faultproxy", "collector", "services", "load"])
def test_a_part_that_dies_at_any_moment_is_told(staged: Staged, part: str) -> None:
    """Every later call on it fails too; a dead fault plane is replaced when the supervisor is asked."""
    replaced: dict[int, int] = {}

    def dies(made: int, name: str, at: Moment, number: int) -> WorkbenchError | None:
        if name == "services.force_undo" and at == "after":
            replaced[number] = made
        gone = name.startswith(f"{part}.") and made >= number and number not in replaced
        spared = name in ("load.stop", "load.kill")  # these end a load that has ended, too
        return HarnessError(f"{part} is gone") if gone and at == "before" and not spared else None

    assert [] == swept(staged, (f"{part}.",), dies)


def test_a_plane_that_cannot_undo_is_dirty_until_it_is_replaced_by_force(staged: Staged) -> None:
    """It answers, and the fault stays: the supervisor is asked, and what is left is looked at again."""
    stage = staged()
    stage.world.plane.deaf = True
    events = stage.conduct()
    assert "DirtyError" == only(events, Failed)[0].error
    assert 1 == stage.world.services.forced
    assert ([], []) == (stage.world.plane.on, stage.ledger.entries())
    assert only(events, CleanVerified)[-1].clean


def test_what_nobody_can_undo_is_said_to_be_on(staged: Staged) -> None:
    """Neither the plane nor the supervisor helps: the faults, and their entries in the ledger, are named."""
    stage = staged()
    stage.world.plane.deaf = stage.world.services.helpless = True
    clean = only(stage.conduct(), CleanVerified)[-1]
    assert not clean.clean
    assert ["slow on orders:payments", "gone on front:orders"] == clean.faults
    assert ["slow on orders:payments (latency)", "gone on front:orders (refuse)"] == clean.ledger


def test_a_load_that_dies_ends_the_run_with_its_last_words(staged: Staged) -> None:
    stage = staged()
    stage.world.time.after(4.0, lambda: setattr(stage.world.load, "dead", True))
    events = stage.conduct()
    assert ["the load child ended with status 1 while sending load"] == [e.message for e in only(events, Failed)]
    assert [(None, None)] == [(e.journeys, e.unfinished) for e in only(events, LoadStopped)]
    assert only(events, CleanVerified)[-1].clean


@pytest.mark.parametrize("recorder", ["faultproxy", "collector"])
def test_a_recorder_that_is_gone_does_not_end_the_run(staged: Staged, recorder: str) -> None:
    """What needs its rows is not decided, the rest is; it is told once, and nobody waits for it again."""
    stage = staged()
    (gone,) = [one for one in stage.world.recorders if one.name == recorder]
    stage.world.time.after(3.0, lambda: setattr(gone, "broken", True))
    events = stage.conduct()
    assert [] == only(events, Failed)
    assert ["warmup", "baseline", "fault", "recovery"] == [event.phase for event in only(events, PhaseEnded)]
    told = f"{recorder} does not answer. What the {recorder} was to record from here on is missing"
    found = [(event.message, event.remedy) for event in only(events, Warned)]
    assert found == [
        (told, f"what needs it is INCONCLUSIVE; its log is in logs/{recorder}.log"),
        (f"{recorder}: {recorder} does not answer", None),
    ]


@pytest.mark.parametrize("producer", ["load", "faultproxy", "collector"])
def test_a_producer_with_a_full_disk_ends_the_run(staged: Staged, producer: str) -> None:
    """Rows that are lost make every later number worthless, so the run does not go on to its end."""
    stage = staged()

    def fills_up() -> None:
        if producer == "load":
            stage.world.load.rows_error = "requests: No space left on device"
        for recorder in stage.world.recorders:
            if recorder.name == producer:
                recorder.error = "spans: No space left on device"

    stage.world.time.after(2.0, fills_up)
    events = stage.conduct()
    (failed,) = only(events, Failed)
    assert "No space left on device" in failed.message
    assert "free some room, or choose another folder with --reports" == failed.hint
    assert events[-1].at_ns < 9 * 10**9, "the run went on to its planned end"


def test_a_load_that_cannot_be_stopped_is_killed(staged: Staged, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = staged()

    def fails(deadline_s: float) -> None:
        raise HarnessError(f"it does not stop within {deadline_s} s")

    monkeypatch.setattr(stage.world.load, "stop", fails)
    assert 1 <= len(only(stage.conduct(), Failed))
    assert not stage.world.load.running


def test_a_second_failure_does_not_hide_the_first(staged: Staged) -> None:
    stage = staged()
    stage.world.time.after(4.0, lambda: setattr(stage.world.load, "dead", True))
    stage.world.plane.canary_says = lambda _: "broken" if stage.world.load.dead else None
    messages = [event.message for event in only(stage.conduct(), Failed)]
    assert messages[0].startswith("the load child ended")
    assert "a canary request on orders:payments was broken, and payments itself answers" in messages[1]


def test_accounts_that_cannot_be_had_are_missing_and_not_empty(staged: Staged) -> None:
    stage = staged()
    stage.world.time.after(8.0, lambda: setattr(stage.world.services, "mute", True))
    events = stage.conduct()
    assert ["orders does not answer"] == [event.message for event in only(events, Warned)]
    assert 1 == len(only(events, Settled))
    before, after, _ = stage.directory._audits()
    assert (["orders"], []) == (list(before), list(after))


def test_tables_that_cannot_be_made_are_a_failure_of_the_run(staged: Staged, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the raw rows stay, as they are all there is."""
    stage = staged()

    def fails(folder: object, zero: object) -> dict[str, int]:
        raise EnvironmentFailure("no space left for the tables")

    monkeypatch.setattr(conducting, "collect", fails)
    events = stage.conduct()
    assert {"no space left for the tables"} == {event.message for event in only(events, Failed)}
    assert [] == only(events, Collected)
    assert stage.directory.raw.is_dir()


def test_a_lost_fault_is_no_reason_to_end_the_run(staged: Staged) -> None:
    """What was measured is judged; that the fault ended by itself is told, and makes it undecided."""
    stage = staged()
    stage.world.time.after(5.5, lambda: stage.world.plane.lose("slow"))
    events = stage.conduct()
    assert ["slow"] == [event.fault for event in only(events, FaultLost)]
    assert [] == only(events, Failed)
    assert only(events, CleanVerified)[-1].clean


def test_a_load_that_cannot_even_begin_is_no_run(staged: Staged, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as a locustfile that cannot be imported: that is the user's to mend, and it leaves nothing behind."""
    stage = staged()

    def fails(deadline_s: float) -> None:
        raise InvalidInput([Problem("journeys.py", 3, "", "there is no module 'shup'")])

    monkeypatch.setattr(stage.world.load, "wait_warm", fails)
    with pytest.raises(InvalidInput, match=r"journeys\.py:3"):
        stage.conduct()
    assert not stage.world.load.running
    assert [] == stage.world.left_on()
