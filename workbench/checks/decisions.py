"""What the plane decided for each request that met a fault, held against what its seed says."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.model.faults.base import RequestFault
from workbench.model.faults.eligibility import KEYS_KEPT
from workbench.model.history import History

_DECISIONS = """
SELECT ordinal, nth, hit FROM (
  SELECT CAST(regexp_extract(decisions, ?, 2) AS BIGINT) AS ordinal,
         TRY_CAST(regexp_extract(decisions, ?, 3) AS BIGINT) AS nth,
         regexp_extract(decisions, ?, 4) = '+' AS hit
  FROM attempts
  WHERE edge = ? AND NOT canary AND regexp_matches(decisions, ?))
"""

# Requests of one key are numbered in the order of the fault's ordinals.
_MISCOUNTED = """
SELECT count(*) FROM (
  SELECT nth, row_number() OVER (PARTITION BY key ORDER BY ordinal) - 1 AS expected
  FROM (
    SELECT {key} AS key, CAST(regexp_extract(decisions, ?, 2) AS BIGINT) AS ordinal,
           TRY_CAST(regexp_extract(decisions, ?, 3) AS BIGINT) AS nth
    FROM attempts
    WHERE edge = ? AND NOT canary AND regexp_matches(decisions, ?)))
WHERE nth IS DISTINCT FROM expected
"""

_KEY_COLUMNS = {"edge": "edge", "path": "path", "trace": "coalesce(trace_id, '')"}
"""What a key is, by what counts apart; a header's value is in no column."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """What the plane decided for one fault, held against what its seed says."""

    eligible: int
    hit: int
    wrong: int
    """Decisions that the seed does not give."""
    whole: bool
    """Ordinals are 0, 1, 2 and so on: none is missing, none is there twice."""


def recomputed(fault: RequestFault, history: History) -> Decisions:
    """Hold every decision in the attempts against (seed, fault, ordinal), and where requests are counted by key
    against the number among them. Ordinals must be 0, 1, 2 ... without gaps.
    """
    seed = history.run.scenario.seed if fault.seed is None else fault.seed
    pattern = rf"(^| ){fault.id}=(\d+)(?:/(\d+))?([+-])"
    by_key = fault.counts_by is not None
    eligible = hits = wrong = ordinals = 0
    largest = -1
    seen: set[int] = set()
    for ordinal, nth, hit in history.stream(_DECISIONS, pattern, pattern, pattern, fault.edge, pattern):
        eligible += 1
        hits += hit
        largest = max(largest, ordinal)
        if (nth is not None) != by_key or hit != fault.hits(seed, ordinal, ordinal if nth is None else nth):
            wrong += 1
        if fault.is_per_connection:
            seen.add(ordinal)
        else:
            ordinals += ordinal
    if fault.is_per_connection:
        return Decisions(eligible, hits, wrong, largest + 1 == len(seen))
    # Numbers from 0 without a gap have this sum and this largest one; anything lost or doubled changes one of them.
    whole = largest + 1 == eligible and ordinals == eligible * (eligible - 1) // 2
    wrong += _miscounted(fault, history, pattern)
    return Decisions(eligible, hits, wrong, whole)


def _miscounted(fault: RequestFault, history: History, pattern: str) -> int:
    """Count requests that have another number among those of their key than the rows give them.

    Beyond as many keys as the plane keeps it forgets some; then nothing can be said.
    """
    by = fault.counts_by
    if by is None or by.by not in _KEY_COLUMNS:
        return 0
    key = _KEY_COLUMNS[by.by]
    (keys,) = history.row(f"SELECT count(DISTINCT {key}) FROM attempts WHERE edge = ? AND NOT canary", fault.edge)
    if keys > KEYS_KEPT:
        return 0
    query = _MISCOUNTED.format(key=key)
    return int(history.row(query, pattern, pattern, fault.edge, pattern)[0])
