"""`workbench validate`: which kind of file is it, and does it hold?"""

from __future__ import annotations

from pathlib import Path

from workbench.engine.refusing import plane_problems
from workbench.errors import InvalidInput, Problem
from workbench.gating import GatePolicy
from workbench.loading.scenario_files import load_scenario, load_system
from workbench.loading.source import read
from workbench.loading.validated import validated
from workbench.model.planes import PlaneName
from workbench.model.slo import SloDocument


def validate_file(path: Path, plane: PlaneName = PlaneName.BUILTIN) -> str:
    """Return what a file is. Raises InvalidInput with all problems, those of files it refers to included.

    Faults that the fault plane cannot inject are problems of a scenario.
    """
    source = read(path)
    keys = source.data.keys()
    if "apiVersion" in keys:
        validated(source, SloDocument)
        return "an OpenSLO document"
    if "services" in keys:
        load_system(str(path.resolve()), path.parent)
        return "a system"
    if "phases" in keys or "load" in keys:
        loaded = load_scenario(path)
        if unfit := plane_problems(plane, loaded.scenario.faults, loaded.system):
            raise InvalidInput([source.problem(("faults",), text) for text in unfit])
        return "a scenario"
    if keys & {"inconclusive", "accept"}:
        validated(source, GatePolicy)
        return "a gate policy"
    raise InvalidInput(
        [
            Problem(
                source.file,
                1,
                "",
                "is none of the files that are known: a scenario has `phases`, a system `services`, "
                "an SLO `apiVersion`, a gate policy `inconclusive` or `accept`",
            )
        ]
    )
