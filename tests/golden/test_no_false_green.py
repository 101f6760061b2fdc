"""No false green: whatever is taken away from a run that PASSed, or bent in it, it never PASSes again.

Each damage is done to a copy of a golden run. What is asked for is only that the verdict is not PASS: a run whose
evidence is gone decides nothing, one whose evidence was bent may also FAIL.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.golden.runs import GOLDEN
from tests.golden.trim import recount
from workbench.checks import judge
from workbench.engine.rundir import RunDirectory
from workbench.errors import WorkbenchError
from workbench.model.verdict import Outcome

TABLES = ("arrivals", "requests", "attempts", "metrics", "spans", "processes")
Damage = Callable[[Path], None]


def _remove(name: str) -> Damage:
    return lambda run: (run / name).unlink()


def _torn(name: str) -> Damage:
    def tear(run: Path) -> None:
        content = (run / name).read_bytes()
        (run / name).write_bytes(content[: len(content) // 2])

    return tear


def _emptied(table: str) -> Damage:
    return _kept(table, "FALSE")


def _kept(table: str, condition: str) -> Damage:
    return _written(table, f"SELECT * FROM kept WHERE {condition}")


def _replaced(table: str, what: str) -> Damage:
    return _written(table, f"SELECT * REPLACE ({what}) FROM kept")


def _written(table: str, select: str) -> Damage:
    def write(run: Path) -> None:
        file, new = run / f"{table}.parquet", run / "new.parquet"
        with duckdb.connect() as database:
            database.execute(f"CREATE TABLE kept AS SELECT * FROM read_parquet('{file}')")
            before = database.execute("SELECT * FROM kept ORDER BY ALL").fetchall()
            database.execute(f"COPY ({select}) TO '{new}' (FORMAT parquet)")
            after = database.execute(f"SELECT * FROM read_parquet('{new}') ORDER BY ALL").fetchall()
        assert before != after, "this has damaged nothing, so it proves nothing"
        new.replace(file)
        recount(run)  # as if it had been lost before it was counted: else that would be all that is noticed

    return write


def _after_counting(damage: Damage) -> Damage:
    def change(run: Path) -> None:
        journal = (run / "journal.jsonl").read_bytes()
        damage(run)
        (run / "journal.jsonl").write_bytes(journal)

    return change


def _together(*damages: Damage) -> Damage:
    def damage(run: Path) -> None:
        for one in damages:
            one(run)

    return damage


def _without_column(table: str, column: str) -> Damage:
    return _written(table, f"SELECT * EXCLUDE ({column}) FROM kept")


def _journal(change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Damage:
    def rewrite(run: Path) -> None:
        file = run / "journal.jsonl"
        events = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        changed = change([dict(event) for event in events])
        assert events != changed, "this has damaged nothing, so it proves nothing"
        file.write_text("".join(json.dumps(event) + "\n" for event in changed), encoding="utf-8")

    return rewrite


def _without(*kinds: str) -> Damage:
    return _journal(lambda events: [event for event in events if event["event"] not in kinds])


def _up_to(kind: str) -> Damage:
    return _journal(lambda events: events[: 1 + [event["event"] for event in events].index(kind)])


def _with(kind: str, **values: object) -> Damage:
    return _journal(lambda events: [event | values if event["event"] == kind else event for event in events])


def _moved(kinds: tuple[str, ...], by_ns: int) -> Damage:
    return _journal(
        lambda events: [event | {"at_ns": event["at_ns"] + by_ns * (event["event"] in kinds)} for event in events]
    )


def _accounts(change: Callable[[dict[str, Any]], object]) -> Damage:
    def rewrite(run: Path) -> None:
        for file in (run / "audit").glob("*.json"):
            said = json.loads(file.read_text(encoding="utf-8"))
            change(said["after"])
            file.write_text(json.dumps(said), encoding="utf-8")

    return rewrite


FAULT = ("fault_requested", "fault_on", "fault_undo_requested", "fault_off")

ANY_RUN: dict[str, Damage] = {
    **{f"{table} is gone": _remove(f"{table}.parquet") for table in TABLES},
    **{f"{table} is torn": _torn(f"{table}.parquet") for table in TABLES},
    **{f"{table} is empty": _emptied(table) for table in TABLES},
    "the journal is gone": _remove("journal.jsonl"),
    "the journal is torn": _torn("journal.jsonl"),
    "the journal is empty": _journal(lambda _: []),
    "the journal ends with the load": _up_to("load_stopped"),
    "nothing was collected": _without("collected"),
    "nobody looked whether it is clean": _without("clean_verified"),
    "phases never began": _without("phase_started", "phase_ended"),
    "rows of attempts were lost": _with("collected", dropped={"attempts": 1}),
    "rows of requests were lost": _with("collected", dropped={"requests": 1}),
    "the clocks of a service moved apart": _with("collected", clock_shift_ns={"orders": 60_000_000}),
    "a lease was left": _with("clean_verified", clean=False, ledger=["fault x"]),
    "one journey in fifty is missing": _kept("requests", "arrival % 50 <> 0"),
    "one journey is missing": _kept("requests", "arrival <> 700"),
    "one journey is missing in all that tells of it": _together(
        _kept("requests", "arrival <> 700"),
        _kept("arrivals", "arrival <> 700"),
        _journal(lambda events: [e | ({"journeys": e["journeys"] - 1} if "journeys" in e else {}) for e in events]),
    ),
    **{
        f"the last row of {table} is missing since it was counted": _after_counting(
            _kept(table, f"{time} < (SELECT max({time}) FROM kept)")
        )
        for table, time in (("attempts", "accepted"), ("metrics", "time"), ("spans", "started"), ("processes", "time"))
    },
    "good journeys are there twice": _written(
        "requests", "SELECT * FROM kept UNION ALL SELECT * FROM kept WHERE outcome = 'ok'"
    ),
    "good journeys are there under other numbers": _written(
        "requests",
        "SELECT * FROM kept UNION ALL SELECT * REPLACE (arrival + 1000000 AS arrival) FROM kept WHERE outcome = 'ok'",
    ),
    "journeys are said to be meant for when they were dispatched": _replaced("requests", "dispatched AS intended"),
    "journeys are of the other kind": _replaced(
        "requests", "CASE journey WHEN 'browse' THEN 'checkout' ELSE 'browse' END AS journey"
    ),
    "journeys end before they begin": _replaced("requests", "intended - 1 AS ended"),
    "the start of some journeys is unknown": _replaced(
        "requests", "CASE WHEN arrival % 100 > 0 THEN started END AS started"
    ),
    "the schedule lacks every other arrival": _kept("arrivals", "arrival % 2 = 0"),
    "the schedule has its arrivals twice": _written("arrivals", "SELECT * FROM kept UNION ALL SELECT * FROM kept"),
    "journeys have no column for their end": _without_column("requests", "ended"),
    "attempts have no column for canaries": _without_column("attempts", "canary"),
    "the load did not say how much it did": _with("load_stopped", journeys=None, unfinished=None),
    "nobody counted the rows": _with("collected", rows={}),
    "nobody said whether rows were dropped": _with("collected", dropped={}),
    "nobody compared the clocks": _with("collected", clock_shift_ns={}),
    "rows of the generator's CPU time ended at 10 s": _kept("processes", "process <> 'load' OR time < 10000000000"),
    "rows of the generator's CPU time have a gap": _kept(
        "processes", "process <> 'load' OR time NOT BETWEEN 10000000000 AND 50000000000"
    ),
    **{
        f"the journal has no {kind}": _without(kind)
        for kind in ("run_started", "load_started", "load_stopped", "settled", "run_ended", "clean_verified")
    },
    "the journal is of another run": _with("run_started", run_id="another"),
    "the journal is there twice": _journal(lambda events: events + events),
    "phases never ended": _without("phase_ended"),
    "it was not clean": _with("clean_verified", clean=False),
    "it was clean but for a fault": _with("clean_verified", faults=["slow on orders:payments"]),
    "spans of one service are missing": _kept("spans", "service <> 'orders'"),
    "the later half of the spans is missing": _kept("spans", "started < (SELECT median(started) FROM kept)"),
    "spans belong to other traces": _replaced("spans", "'0' || trace_id[2:-2] || 'f' AS trace_id"),
    "scrapes ended before the load": _kept("metrics", "time < (SELECT max(time) FROM kept) - 20000000000"),
    "one service was never scraped": _kept("metrics", "service <> 'payments'"),
    "a service dropped spans": _replaced(
        "metrics",
        "CASE WHEN name = 'workbench_spans_dropped_total' AND time > 40000000000 THEN 3 ELSE value END AS value",
    ),
    "the generator's own CPU time is unknown": _kept("processes", "process <> 'load'"),
    "every journey failed": _replaced("requests", "'failed' AS outcome"),
    "accounts have lost an order": _accounts(
        lambda said: said["records"] and said["records"].pop(len(said["records"]) // 2)
    ),
    "accounts are gone": lambda run: shutil.rmtree(run / "audit"),
    "orders gave no account": _remove("audit/orders.json"),
}

WITH_A_FAULT: dict[str, Damage] = {
    "fault windows are gone": _without(*FAULT),
    "the fault was never verified": _without("fault_on"),
    "the fault was never asked for": _without("fault_requested"),
    "nobody asked for the fault to be undone": _without("fault_undo_requested"),
    "the plane counted nothing": _with("fault_off", counts={}),
    "the fault was never undone": _without("fault_off", "fault_undo_requested"),
    "the run stopped in the fault": _up_to("fault_on"),
    "the fault phase never began": _journal(
        lambda events: [event for event in events if event.get("phase") != "fault"]
    ),
    "no attempt was hit": _replaced("attempts", "'' AS faults, replace(decisions, '+', '-') AS decisions"),
    "decisions were not written": _replaced("attempts", "'' AS decisions"),
    "attempts that were hit are missing": _kept("attempts", "faults = '' OR ordinal % 3 <> 0"),
    "fault windows are 20 s late": _moved(FAULT, 20_000_000_000),
    "fault windows are 20 s early": _moved(FAULT, -20_000_000_000),
    "clocks of the plane are 20 s late": _replaced(
        "attempts", "accepted + 20000000000 AS accepted, ended + 20000000000 AS ended"
    ),
    "clocks of the services are 20 s late": _replaced(
        "spans", "started + 20000000000 AS started, ended + 20000000000 AS ended"
    ),
    "clocks of the load are 20 s late": _replaced(
        "requests",
        "intended + 20000000000 AS intended, dispatched + 20000000000 AS dispatched,"
        " started + 20000000000 AS started, ended + 20000000000 AS ended",
    ),
    "journeys of the fault phase are missing": _kept("requests", "intended NOT BETWEEN 31000000000 AND 54000000000"),
}

_HIT = "faults <> '' AND NOT canary"

BY_CALLERS: dict[str, Damage] = {
    what: damage
    for what, damage in (ANY_RUN | WITH_A_FAULT).items()
    if what
    not in {  # the plane keeps no record, so there is nothing of its own to take away
        "attempts is torn",
        "attempts is empty",
        "no attempt was hit",
        "decisions were not written",
        "attempts that were hit are missing",
        "clocks of the plane are 20 s late",
        "the plane counted nothing",
        "the last row of attempts is missing since it was counted",
        "attempts have no column for canaries",
    }
}

WHAT_CONVICTS: dict[str, dict[str, Damage]] = {
    "breaker-off": {
        "attempts that an open breaker would have kept back are missing": _kept(
            "attempts", f"NOT ({_HIT}) OR ordinal < (SELECT min(ordinal) + 10 FROM kept WHERE {_HIT})"
        ),
    },
    "toxiproxy-breaker-off": {
        "spans of attempts that an open breaker would have kept back are missing": _kept(
            "spans",
            "attempt IS NULL OR edge <> 'orders:payments' OR started NOT BETWEEN 31000000000 AND 55000000000",
        ),
    },
    "retries-unbounded": {
        "attempts beyond the policy are missing": _kept(
            "attempts",
            f"NOT ({_HIT}) OR ordinal NOT IN (SELECT ordinal FROM (SELECT ordinal, row_number() OVER"
            f" (PARTITION BY trace_id ORDER BY ordinal) AS nth FROM kept WHERE {_HIT}) WHERE nth > 3)",
        ),
        "spans of attempts beyond the policy are missing": _kept("spans", "attempt IS NULL OR attempt <= 3"),
    },
    "timeout-missing": {
        "attempts that outlasted the timeout are missing": _kept(
            "attempts", f"NOT ({_HIT}) OR ended - accepted < 600000000"
        ),
    },
    "fallback-off": {
        "journeys that failed are missing": _kept("requests", "outcome <> 'failed'"),
    },
    "idempotency-ignored": {
        "payments gave no account": _remove("audit/payments.json"),
    },
}
"""What a planted bug was convicted by, taken away: that must not acquit it."""

DOES_NOT_CONCERN = {
    ("no-fault", "spans belong to other traces"),  # without a claim about calls nothing joins attempts and spans
    ("dependency-down", "no attempt was hit"),  # the kernel refuses connections, so the plane has no attempt that was
    ("dependency-down", "decisions were not written"),
    ("dependency-down", "the plane counted nothing"),
    ("dependency-down", "attempts that were hit are missing"),
}

CASES = [
    pytest.param(
        name,
        damage,
        id=f"{name}: {what}".replace(" ", "-"),
    )
    for name, damages in {
        "no-fault": ANY_RUN,
        "latency-spike": ANY_RUN | WITH_A_FAULT,
        "toxiproxy-spike": BY_CALLERS,
        "error-burst": WITH_A_FAULT,
        "dependency-down": WITH_A_FAULT,
        **WHAT_CONVICTS,
    }.items()
    for what, damage in damages.items()
    if (name, what) not in DOES_NOT_CONCERN
]


@pytest.mark.parametrize(("name", "damage"), CASES)
def test_a_damaged_run_never_passes(name: str, damage: Damage, tmp_path: Path) -> None:
    run = tmp_path / name
    shutil.copytree(GOLDEN / name, run)
    (run / "verdict.json").unlink()
    damage(run)
    try:
        verdict = judge(RunDirectory(run).history())
    except WorkbenchError:
        return  # refused with a message: no verdict at all
    assert verdict.outcome is not Outcome.PASS, "\n".join(verdict.reasons)


@pytest.mark.parametrize("name", ["no-fault", "latency-spike", "error-burst", "dependency-down", "toxiproxy-spike"])
def test_the_same_run_unharmed_passes(name: str) -> None:
    """Otherwise the damage above is not what kept it from passing."""
    assert judge(RunDirectory(GOLDEN / name).history()).outcome is Outcome.PASS
