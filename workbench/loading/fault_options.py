"""A fault from the command line: the same models as in scenarios, and every problem named by its option."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.errors import InvalidInput, Problem
from workbench.loading.fitting import misfits
from workbench.loading.resources import used
from workbench.loading.source import change, nearest
from workbench.loading.validated import checked
from workbench.model.base import Frozen, Place
from workbench.model.faults import KINDS, FaultSpec
from workbench.model.faults.base import EdgeFault, FaultBase, ServiceFault
from workbench.model.faults.on_resources import ResourceFault
from workbench.model.faults.partition import Partition
from workbench.model.system import System

OF_SCENARIOS = ("phase", "min_evidence", "schedule.start", "schedule.duration")
OF_ARGUMENTS = ("kind", "edge", "service", "services", "resource")
"""What KIND and TARGET say: an option would replace it after it was looked up."""
_LONGEST_ID = 40
_TO_DASHES = str.maketrans("_:,", "---")


class _Given(Frozen):
    """Holds the fault: validation is of models, and which one it is the kind decides."""

    fault: FaultSpec


def read_fault(kind: str, target: str, options: Mapping[str, str], system: System) -> list[FaultBase]:
    """Return what `workbench fault add KIND TARGET --OPTION VALUE` asks for; a partition in its parts.

    `options` are keys of the kind without dashes in front, nested ones with a dot: `match.path`.
    Raises InvalidInput with all problems.
    """
    if kind not in KINDS:
        raise InvalidInput([Problem("KIND", 0, "", f"unknown kind {kind!r}{nearest(kind, list(KINDS))}")])
    data: dict[str, Any] = {"kind": kind, "id": f"{kind}-{target}"[:_LONGEST_ID].translate(_TO_DASHES)}
    problems = _set_target(data, KINDS[kind], target, system)
    problems += [
        Problem(_dashed(name), 0, "", "is for scenarios; by hand a fault is on at once, and --for says how long")
        for name in options
        if name in OF_SCENARIOS
    ]
    given = {name: value for name, value in options.items() if name.split(".", maxsplit=1)[0] not in OF_ARGUMENTS}
    problems += [
        Problem(_dashed(name), 0, "", "is no option: KIND and TARGET say that") for name in options if name not in given
    ]
    for name, value in given.items():
        if not _make_room(data, name):
            problems.append(Problem(_dashed(name), 0, "", "lies within a value that has no parts"))
            continue
        try:
            change(data, name, value, option=_dashed(name))
        except InvalidInput as error:
            problems += error.problems
    try:
        fault = _checked(data)
    except InvalidInput as error:
        raise InvalidInput([*problems, *error.problems]) from error
    problems += [Problem(_dashed(key), 0, "", message) for key, message in misfits(fault, system)]
    if problems:
        raise InvalidInput(problems)
    if not isinstance(fault, Partition):
        return [used(fault, system)]
    parts = fault.parts([edge.name for edge in system.edges])
    if not parts:
        raise InvalidInput([Problem("TARGET", 0, "", "no edge leads across the border of these services")])
    return [*parts]


def _make_room(data: dict[str, Any], name: str) -> bool:
    """Have the mappings in which a nested key is to be; tell whether there is no other value in the way."""
    node: Any = data
    for part in name.split(".")[:-1]:
        if not isinstance(node, dict):
            return False
        node = node.setdefault(part, {})
    return isinstance(node, dict)


def _checked(data: dict[str, Any]) -> FaultBase:
    def at(place: Place, message: str) -> Problem:
        path = ".".join(str(part) for part in place[1:])
        return Problem(_dashed(path) if path else f"fault {data['kind']}", 0, "", message)

    return checked({"fault": data}, _Given, at).fault


def _set_target(data: dict[str, Any], kind: type[FaultBase], target: str, system: System) -> list[Problem]:
    """Put the target where the kind has it; return what is wrong with it."""
    if issubclass(kind, EdgeFault):
        data["edge"] = target
        return _unknown("edge", [target], [edge.name for edge in system.edges])
    if issubclass(kind, ServiceFault):
        data["service"] = target
        return _unknown("service", [target], list(system.services))
    if issubclass(kind, ResourceFault):
        data["resource"] = target
        return _unknown("resource", [target], list(system.resources))
    if issubclass(kind, Partition):
        data["services"] = target.split(",")
        return _unknown("service", data["services"], list(system.services))
    message = f"{data['kind']} is part of the load, which is planned before a run; use it in a scenario"
    return [Problem("KIND", 0, "", message)]


def _unknown(what: str, names: Sequence[str], known: list[str]) -> list[Problem]:
    return [
        Problem("TARGET", 0, "", f"unknown {what} {name!r}{nearest(name, known)}")
        for name in names
        if name not in known
    ]


def _dashed(name: str) -> str:
    return "--" + name.replace("_", "-")
