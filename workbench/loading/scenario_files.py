"""A scenario with all it refers to: system, objectives, locustfiles. Refers to nothing that does not exist."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.errors import InvalidInput, Problem, UsageError
from workbench.loading.locations import find_system
from workbench.loading.locustfiles import locustfile_problems
from workbench.loading.source import Source, change, nearest, read
from workbench.loading.validated import validated
from workbench.model.scenario import Scenario
from workbench.model.slo import Slo, SloDocument
from workbench.model.system import System
from workbench.model.units import Rate


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line changes in a scenario."""

    system: str | None = None
    seed: int | None = None
    rate: str | None = None
    changes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LoadedSystem:
    """A system and the folder its paths are relative to."""

    system: System
    path: Path
    slos: tuple[Slo, ...]

    @property
    def folder(self) -> Path:
        return self.path.parent


@dataclass(frozen=True, slots=True)
class LoadedScenario:
    """Everything that is known before anything is started."""

    scenario: Scenario
    path: Path
    loaded_system: LoadedSystem
    slos: tuple[Slo, ...]

    @property
    def system(self) -> System:
        return self.loaded_system.system

    def locustfile(self, journey: str) -> tuple[Path, str]:
        """Return the file and class of a journey in the mix."""
        if self.scenario.load.locustfile is not None:
            return (self.path.parent / self.scenario.load.locustfile).resolve(), journey
        declared = self.system.journeys[journey]
        return (self.loaded_system.folder / declared.locustfile).resolve(), declared.user


def load_system(name_or_path: str, relative_to: Path) -> LoadedSystem:
    """Read a system and its SLO files. Raises InvalidInput or UsageError."""
    path = find_system(name_or_path, relative_to)
    source = read(path)
    system = validated(source, System)
    slos: dict[str, Slo] = {}
    problems: list[Problem] = []
    for index, pattern in enumerate(system.slos):
        files = sorted(path.parent.glob(pattern))
        if not files:
            problems.append(source.problem(("slos", index), f"no file fits {pattern!r}"))
        problems += _read_slos(files, slos)
    for name, journey in system.journeys.items():
        file = path.parent / journey.locustfile
        problems += locustfile_problems(file, journey.user, source.problem(("journeys", name), ""))
    if problems:
        raise InvalidInput(problems)
    return LoadedSystem(system, path.resolve(), tuple(slos.values()))


def load_scenario(path: Path, overrides: Overrides = Overrides()) -> LoadedScenario:
    """Read a scenario and everything it refers to. Raises InvalidInput with all problems at once."""
    source = read(path)
    data = _overridden(source, overrides)
    problems: list[Problem] = []
    scenario: Scenario | None = None
    loaded: LoadedSystem | None = None
    try:
        scenario = validated(source, Scenario, data)
    except InvalidInput as error:
        problems += error.problems
    try:
        by_option = overrides.system is not None
        name = overrides.system if by_option else data.get("system")
        if isinstance(name, str):
            loaded = load_system(name, Path.cwd() if by_option else path.parent)
    except InvalidInput as error:
        problems += error.problems
    except UsageError as error:
        problems.append(source.problem(("system",), error.message))
    if scenario is None or loaded is None:
        raise InvalidInput(problems, hint=f"workbench validate {source.file} checks it again")
    slos = {slo.name: slo for slo in loaded.slos}
    problems += _read_slos(sorted((path.parent / "slos").glob("*.yaml")), slos)
    result = LoadedScenario(scenario, path.resolve(), loaded, tuple(slos.values()))
    problems += _dangling(source, result)
    if problems:
        raise InvalidInput(problems, hint=f"workbench validate {source.file} checks it again")
    return result


def _overridden(source: Source, overrides: Overrides) -> dict[str, Any]:
    data = copy.deepcopy(source.data)
    problems: list[Problem] = []
    if overrides.seed is not None:
        data["seed"] = overrides.seed
    if overrides.rate is not None:
        try:
            rate = Rate.parse(overrides.rate)
        except ValueError as error:
            raise InvalidInput([Problem("--rate", 0, "", str(error))]) from error
        _set_rate(data, rate)
    for where, value in overrides.changes.items():
        try:
            change(data, where, value, option="--set")
        except InvalidInput as error:
            problems += error.problems
    if problems:
        raise InvalidInput(problems)
    return data


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
    rates = [Rate.parse(point["rate"]) for point in profile]
    for point, old in zip(profile, rates, strict=True):
        point["rate"] = str(Rate(old * rate / max(rates)))


def _read_slos(files: list[Path], into: dict[str, Slo]) -> list[Problem]:
    problems: list[Problem] = []
    for file in files:
        try:
            slo = validated(read(file), SloDocument).to_slo()
        except InvalidInput as error:
            problems += error.problems
        else:
            into[slo.name] = slo
    return problems


def _dangling(source: Source, loaded: LoadedScenario) -> Iterator[Problem]:
    """Yield every reference that leads nowhere."""
    scenario, system = loaded.scenario, loaded.system
    own_file = scenario.load.locustfile
    for journey in scenario.load.mix:
        where = source.problem(("load", "mix", journey), "")
        if own_file is not None:
            yield from locustfile_problems(source.path.parent / own_file, journey, where)
        elif journey not in system.journeys:
            yield source.problem(
                ("load", "mix", journey),
                f"there is no journey {journey!r}{nearest(journey, list(system.journeys))}",
            )
    yield from _dangling_claims(source, loaded)


def _dangling_claims(source: Source, loaded: LoadedScenario) -> Iterator[Problem]:
    scenario, edges = loaded.scenario, [edge.name for edge in loaded.system.edges]
    for index, fault in enumerate(scenario.faults):
        if fault.edge not in edges:
            yield source.problem(("faults", index, "edge"), f"unknown edge {fault.edge!r}{nearest(fault.edge, edges)}")
    for index, expectation in enumerate(scenario.expect):
        for key, known in (
            ("edge", edges),
            ("journey", list(scenario.load.mix)),
            ("slo", [s.name for s in loaded.slos]),
        ):
            named = getattr(expectation, key, None)
            if named is not None and named not in known:
                yield source.problem(("expect", index, key), f"unknown {key} {named!r}{nearest(named, known)}")
    for section in ("steady_state", "slos", "abort_when"):
        for index, entry in enumerate(getattr(scenario, section)):
            yield from _dangling_slo(source, loaded, (section, index, "slo"), entry.slo)


def _dangling_slo(source: Source, loaded: LoadedScenario, where: tuple[str | int, ...], name: str) -> Iterator[Problem]:
    slo = next((slo for slo in loaded.slos if slo.name == name), None)
    if slo is None:
        yield source.problem(where, f"unknown SLO {name!r}{nearest(name, [s.name for s in loaded.slos])}")
    elif slo.journey not in loaded.scenario.load.mix:
        yield source.problem(where, f"SLO {name!r} is about journey {slo.journey!r}, which is not in load.mix")
