"""A scenario with all it refers to: system, objectives, locustfiles. Refers to nothing that does not exist."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import InvalidInput, Problem, UsageError
from workbench.loading.fitting import misfits
from workbench.loading.locations import find_system
from workbench.loading.locustfiles import locustfile_problems
from workbench.loading.overrides import AS_WRITTEN, Overridden, Overrides, overridden
from workbench.loading.partitions import in_parts
from workbench.loading.references import references
from workbench.loading.resources import with_users
from workbench.loading.source import Source, nearest, read
from workbench.loading.validated import checked, validated
from workbench.model.base import Place
from workbench.model.scenario import Scenario
from workbench.model.slo import Slo, SloDocument
from workbench.model.system import System


@dataclass(frozen=True, slots=True)
class LoadedSystem:
    """A system and the folder its paths are relative to."""

    system: System
    path: Path
    slos: tuple[Slo, ...]

    @property
    def folder(self) -> Path:
        return self.path.parent

    def refuse_unknown_bugs(self, bugs: list[str]) -> None:
        """Raise UsageError for bugs that cannot be planted in this system."""
        known = list(self.system.bugs)
        unknown = [f"{bug!r}{nearest(bug, known)}" for bug in bugs if bug not in known]
        if unknown:
            raise UsageError(f"system {self.system.name} has no bug {', '.join(unknown)}")


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
    files, problems = _slo_files(source, system)
    slos, found = _read_slos(files)
    problems += found
    for name, journey in system.journeys.items():
        file = path.parent / journey.locustfile
        problems += locustfile_problems(file, journey.user, source.problem(("journeys", name), ""))
    if problems:
        raise InvalidInput(problems)
    return LoadedSystem(system, path.resolve(), tuple(slos.values()))


def load_scenario(path: Path, overrides: Overrides = AS_WRITTEN) -> LoadedScenario:
    """Read a scenario and everything it refers to. Raises InvalidInput with all problems at once."""
    given = overridden(read(path), overrides)
    problems = list(given.problems)
    scenario: Scenario | None = None
    try:
        scenario = checked(given.data, Scenario, given.problem)
    except InvalidInput as error:
        problems += error.problems
    loaded, found = _system_of(given, overrides)
    problems += found
    own_slos, found = _read_slos(sorted((path.parent / "slos").glob("*.yaml")))
    problems += found
    if loaded is not None:
        slos = {slo.name: slo for slo in loaded.slos} | own_slos
        problems += _dangling(given, loaded.system, slos)
        if scenario is not None:
            problems += _unfit_faults(given, scenario, loaded.system)
            scenario = with_users(scenario, loaded.system)
            scenario, found = in_parts(given, scenario, loaded.system)
            problems += found
    if problems or scenario is None or loaded is None:
        in_files = any(not problem.file.startswith("--") for problem in problems)  # and not in options alone
        hint = f"workbench validate {given.source.file} checks it again" if in_files else None
        raise InvalidInput(list(dict.fromkeys(problems)), hint=hint)
    return LoadedScenario(scenario, path.resolve(), loaded, tuple(slos.values()))


def _system_of(given: Overridden, overrides: Overrides) -> tuple[LoadedSystem | None, list[Problem]]:
    name = given.data.get("system")
    if not isinstance(name, str):
        return None, []  # validation says what is wrong
    try:
        return load_system(name, Path.cwd() if overrides.system is not None else given.source.path.parent), []
    except InvalidInput as error:
        return None, error.problems
    except UsageError as error:
        return None, [given.problem(("system",), error.message)]


def _slo_files(source: Source, system: System) -> tuple[list[Path], list[Problem]]:
    files: list[Path] = []
    problems: list[Problem] = []
    for index, pattern in enumerate(system.slos):
        try:
            found = sorted(source.path.parent.glob(pattern))
        except (NotImplementedError, OSError, ValueError):
            problems.append(source.problem(("slos", index), f"{pattern!r} has to be a path relative to this file"))
            continue
        files += found
        if not found:
            problems.append(source.problem(("slos", index), f"no file fits {pattern!r}"))
    return list(dict.fromkeys(files)), problems


def _read_slos(files: list[Path]) -> tuple[dict[str, Slo], list[Problem]]:
    slos: dict[str, Slo] = {}
    problems: list[Problem] = []
    for file in files:
        try:
            source = read(file)
            slo = validated(source, SloDocument).to_slo()
        except InvalidInput as error:
            problems += error.problems
            continue
        if slo.name in slos:
            problems.append(source.problem(("metadata", "name"), f"SLO {slo.name!r} is in another file beside it too"))
        slos[slo.name] = slo
    return slos, problems


def _dangling(given: Overridden, system: System, slos: dict[str, Slo]) -> Iterator[Problem]:
    """Yield every reference that leads nowhere, also in a scenario that has other problems."""
    for place, kind, name in references(given.data):
        match kind:
            case "edge":
                known = [edge.name for edge in system.edges]
            case "service":
                known = list(system.services)
            case "resource":
                known = list(system.resources)
            case "journey":
                known = _mix(given)
            case "SLO":
                known = list(slos)
        if name not in known:
            yield given.problem(place, f"unknown {kind} {name!r}{nearest(name, known)}")
        elif kind == "SLO":
            yield from _unfit_slo(given, place, slos[name])
    yield from _unknown_journeys(given, system)


def _unfit_slo(given: Overridden, place: Place, slo: Slo) -> Iterator[Problem]:
    """Yield why an SLO cannot be judged where it is named."""
    if slo.promql is None:
        if slo.journey not in _mix(given):
            yield given.problem(place, f"SLO {slo.name!r} is about journey {slo.journey!r}, which is not in load.mix")
    elif _asks_of_journeys(given, place):
        said = f"SLO {slo.name!r} is counted by Prometheus; it can be judged in `slos` and `detects` only"
        yield given.problem(place, said)


def _asks_of_journeys(given: Overridden, place: Place) -> bool:
    """Tell whether a claim about an SLO looks at single journeys, which Prometheus does not know."""
    section, index = place[0], place[1]
    return section != "slos" and not (section == "expect" and given.data["expect"][index].get("kind") == "detects")


def _unfit_faults(given: Overridden, scenario: Scenario, system: System) -> Iterator[Problem]:
    """Yield the faults that ask for what their edge, or their resource, has not."""
    for index, fault in enumerate(scenario.faults):
        for key, message in misfits(fault, system):
            yield given.problem(("faults", index, key), message)


def _mix(given: Overridden) -> list[str]:
    load = given.data.get("load")
    mix = load.get("mix") if isinstance(load, dict) else None
    return [str(name) for name in mix] if isinstance(mix, dict) else []


def _unknown_journeys(given: Overridden, system: System) -> Iterator[Problem]:
    mix = _mix(given)
    own_file = given.data["load"].get("locustfile") if mix else None
    for journey in mix:
        where = given.problem(("load", "mix", journey), "")
        if isinstance(own_file, str):
            yield from locustfile_problems(given.source.path.parent / own_file, journey, where)
        elif journey not in system.journeys:
            message = f"unknown journey {journey!r}{nearest(journey, list(system.journeys))}"
            yield given.problem(("load", "mix", journey), message)
