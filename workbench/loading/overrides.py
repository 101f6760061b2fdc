"""What the command line changes in a scenario before it is validated; a problem with such a value names the option."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from workbench.errors import InvalidInput, Problem
from workbench.loading.source import Source, change
from workbench.model.base import Place
from workbench.model.units import Rate


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line changes in a scenario."""

    system: str | None = None
    seed: int | None = None
    rate: str | None = None
    changes: Mapping[str, str] = field(default_factory=dict)


_OF_OPTIONS = {
    "--system": ("system",),
    "--seed": ("seed",),
    "--rate": ("load.arrivals.rate", "load.arrivals.profile"),
}
"""What an option of its own changes."""

AS_WRITTEN = Overrides()
"""Nothing is changed."""


@dataclass(frozen=True, slots=True)
class Overridden:
    """A scenario file with the changes of the command line in it."""

    source: Source
    data: dict[str, Any]
    options: dict[Place, str]
    """Which option gave a value, by the value's place."""
    problems: list[Problem]
    """Options that cannot be carried out."""

    def problem(self, place: Place, message: str) -> Problem:
        """Return a problem at a place: in the file, or in the option that gave the value."""
        for changed, option in self.options.items():
            if place[: len(changed)] == changed:
                return Problem(option, 0, ".".join(map(str, place)), message)
        return self.source.problem(place, message)


def overridden(source: Source, overrides: Overrides) -> Overridden:
    """Return the file with everything changed that can be."""
    given = Overridden(source, copy.deepcopy(source.data), {}, list(_given_twice(overrides)))
    if overrides.system is not None:
        given.data["system"] = overrides.system
        given.options["system",] = "--system"
    if overrides.seed is not None:
        given.data["seed"] = overrides.seed
        given.options["seed",] = "--seed"
    if overrides.rate is not None:
        try:
            _set_rate(given.data, Rate.parse(overrides.rate))
        except ValueError as error:
            given.problems.append(Problem("--rate", 0, "", str(error)))
    for where, value in overrides.changes.items():
        try:
            given.options[change(given.data, where, value, option="--set")] = "--set"
        except InvalidInput as error:
            given.problems.extend(error.problems)
    return given


def _given_twice(overrides: Overrides) -> Iterator[Problem]:
    """Yield the options whose value `--set` gives, too: which one is meant nobody can know."""
    for option, keys in _OF_OPTIONS.items():
        if getattr(overrides, option.removeprefix("--")) is None:
            continue
        for where in overrides.changes:
            if any(f"{where}.".startswith(f"{key}.") or f"{key}.".startswith(f"{where}.") for key in keys):
                yield Problem(option, 0, "", f"is given by --set {where}, too; leave out one of them")


def _set_rate(data: dict[str, Any], rate: Rate) -> None:
    """Replace a constant rate, or scale a profile so that its highest point is `rate`."""
    load = data.get("load")
    arrivals = load.get("arrivals") if isinstance(load, dict) else None
    if not isinstance(arrivals, dict):
        return  # validation says what is missing
    profile = arrivals.get("profile")
    if not profile:
        arrivals["rate"] = str(rate)
        return
    with suppress(ValueError, TypeError, KeyError):  # a profile that does not hold: validation says what is wrong
        rates = [Rate.parse(point["rate"]) for point in profile]
        for point, old in zip(profile, rates, strict=True):
            point["rate"] = str(Rate(old * rate / max(rates)))
