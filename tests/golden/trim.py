"""Make a golden run directory from a real one: small enough to commit, with the same verdict.

    python -m tests.golden.trim reports/latest breaker-off     # anew, from a run
    python -m tests.golden.trim --judge-again                  # after the rules have changed: see `git diff`

Shed is what no check reads: logs, raw rows, reports, addresses, requests within a journey, server spans, attributes
of spans, metrics that are not about resilience. Ids are random and do not compress, so they are numbered in the
order of their appearance; keys and ids of orders too. The journal says how many rows are left. The copy is judged,
and has to say what the original says: the same results, outcomes, numbers and intervals. This must never change what
was measured.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import duckdb

from tests.golden.runs import GOLDEN, RUNS, what_was_said
from workbench.checks import judge
from workbench.engine.rundir import RunDirectory

LIMIT_BYTES = 1_000_000

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<=_)[0-9a-f]{16}")

_NUMBERED = """
CREATE TABLE traces AS SELECT trace_id AS old, lpad(to_hex(row_number() OVER (ORDER BY min(seen))), 32, '0') AS new
FROM (SELECT trace_id, started AS seen FROM requests UNION ALL SELECT trace_id, accepted FROM attempts
      UNION ALL SELECT trace_id, started FROM spans) WHERE trace_id IS NOT NULL GROUP BY trace_id;
CREATE TABLE ids AS SELECT id AS old, lpad(to_hex(row_number() OVER (ORDER BY min(seen))), 16, '0') AS new
FROM (SELECT span_id AS id, started AS seen FROM spans UNION ALL SELECT parent_span_id, started FROM spans
      UNION ALL SELECT call_id, started FROM spans UNION ALL SELECT parent_span_id, accepted FROM attempts)
WHERE id IS NOT NULL AND id <> '' GROUP BY id;
"""

_KEPT = {
    "arrivals": "SELECT * FROM arrivals ORDER BY intended",
    "requests": """SELECT r.* REPLACE (t.new AS trace_id, NULL AS span_id, renamed(ack) AS ack)
        FROM requests r LEFT JOIN traces t ON t.old = r.trace_id WHERE kind = 'journey' ORDER BY intended""",
    "attempts": """SELECT a.* REPLACE (t.new AS trace_id, p.new AS parent_span_id, NULL AS path,
            0::BIGINT AS bytes_in, 0::BIGINT AS bytes_out)
        FROM attempts a LEFT JOIN traces t ON t.old = a.trace_id LEFT JOIN ids p ON p.old = a.parent_span_id
        ORDER BY accepted""",
    "metrics": """SELECT * FROM metrics WHERE name = 'up' OR starts_with(name, 'workbench_')
        ORDER BY service, name, labels, time""",
    "spans": """SELECT s.* REPLACE (t.new AS trace_id, i.new AS span_id, p.new AS parent_span_id, c.new AS call_id,
            '' AS name, '{}' AS attributes, NULL AS events)
        FROM spans s JOIN traces t ON t.old = s.trace_id JOIN ids i ON i.old = s.span_id
        LEFT JOIN ids p ON p.old = s.parent_span_id LEFT JOIN ids c ON c.old = s.call_id
        WHERE edge IS NOT NULL ORDER BY started""",
    "processes": "SELECT * FROM processes ORDER BY time",
}


class Names:
    """Short names for random ids, the same everywhere in one run."""

    def __init__(self) -> None:
        self._given: dict[str, str] = {}

    def rename(self, text: str) -> str:
        """Replace every id in a text."""
        return _ID.sub(lambda m: self._given.setdefault(m[0], f"{len(self._given):06}"), text)


def trim(source: Path, target: Path) -> None:
    """Write the trimmed copy of `source`. Raises SystemExit if its verdict is another one, or if it is too large."""
    target.mkdir(parents=True)
    names = Names()
    _tables(source, target, names)
    (target / "audit").mkdir()
    for audit in sorted((source / "audit").glob("*.json")):
        said = json.dumps(json.loads(audit.read_text(encoding="utf-8")), separators=(",", ":"))
        (target / "audit" / audit.name).write_text(names.rename(said), encoding="utf-8")
    shutil.copy(source / "journal.jsonl", target)
    recount(target)
    record = json.loads((source / "run.json").read_text(encoding="utf-8"))
    record["machine"]["os"] = record["machine"]["os"].split()[0]
    command, drop = record["reproduce"]["command"], ("--reports",)
    record["reproduce"]["command"] = [
        word for i, word in enumerate(command) if word not in drop and (i == 0 or command[i - 1] not in drop)
    ]
    (target / "run.json").write_text(json.dumps(record, indent=1), encoding="utf-8")
    before, after = (judge(RunDirectory(folder).history()) for folder in (source, target))
    if what_was_said(before) != what_was_said(after):
        sys.exit(f"trimming has changed the verdict: {_difference(what_was_said(before), what_was_said(after))}")
    RunDirectory(target).save_verdict(after)
    size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    print(f"{target.name}: {after.outcome}, {size / 1e6:.2f} MB")  # noqa: T201 - a script
    if size > LIMIT_BYTES:
        sys.exit(f"{target} has {size} bytes; {LIMIT_BYTES} are allowed")


def _tables(source: Path, target: Path, names: Names) -> None:
    database = duckdb.connect()
    database.create_function("renamed", names.rename, ["VARCHAR"], "VARCHAR")
    for table in _KEPT:
        database.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{source / table}.parquet')")
    database.execute(_NUMBERED)
    for table, kept in _KEPT.items():
        database.execute(
            f"COPY ({kept}) TO '{target / table}.parquet'"
            " (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 19, PARQUET_VERSION v2)"
        )


def recount(run: Path) -> None:
    """Have the journal of a trimmed run tell of the rows that were left to it.

    It tells no digests: whatever a test changes in a table would differ from them, and nothing else would be tested.
    """
    journal = run / "journal.jsonl"
    lines = journal.read_text(encoding="utf-8").splitlines(keepends=True)
    for number, line in enumerate(lines):
        event = json.loads(line)
        if event["event"] == "collected":
            left = {table: duckdb.read_parquet(str(run / f"{table}.parquet")) for table in event["rows"].keys() & _KEPT}
            event["rows"] |= {table: rows.shape[0] for table, rows in left.items()}
            event.pop("files", None)
            lines[number] = json.dumps(event, separators=(",", ":")) + "\n"
    journal.write_text("".join(lines), encoding="utf-8")


def _difference(before: list[tuple[object, ...]], after: list[tuple[object, ...]]) -> str:
    return "; ".join(f"{old} became {new}" for old, new in zip(before, after, strict=True) if old != new)


def judge_all_again() -> None:
    """Write the verdict of every golden run again."""
    for name in RUNS:
        run = RunDirectory(GOLDEN / name)
        run.save_verdict(judge(run.history()))


if __name__ == "__main__":
    if sys.argv[1:] == ["--judge-again"]:
        judge_all_again()
    elif len(sys.argv) == 3:
        destination = GOLDEN / sys.argv[2]
        shutil.rmtree(destination, ignore_errors=True)
        trim(Path(sys.argv[1]).resolve(), destination)
    else:
        sys.exit(__doc__)
