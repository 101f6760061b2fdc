"""Other limits for a finished run: `judge --set expect.breaker_opens.within=3s`."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.errors import InvalidInput, Problem
from workbench.loading.source import change
from workbench.loading.validated import checked
from workbench.model.run import RunRecord
from workbench.model.scenario import Scenario

LIMITS = ("expect", "slos", "steady_state")
"""What was asked of a run. What was done to it cannot be changed afterwards."""


def with_limits(record: RunRecord, changes: Mapping[str, str]) -> RunRecord:
    """Return the record with other limits. Raises InvalidInput with all problems."""
    data = record.scenario.model_dump(mode="json")
    problems: list[Problem] = []
    for path, value in changes.items():
        if path.split(".", maxsplit=1)[0] not in LIMITS:
            problems.append(Problem("--set", 0, path, f"only limits can be changed afterwards: {', '.join(LIMITS)}"))
            continue
        try:
            change(data, path, value, option="--set")
        except InvalidInput as error:
            problems += error.problems
    if problems:
        raise InvalidInput(problems)
    scenario = checked(data, Scenario, lambda place, message: Problem("--set", 0, ".".join(map(str, place)), message))
    return record.model_copy(update={"scenario": scenario})
