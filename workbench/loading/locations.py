"""Where scenarios, systems and the state of a folder are. One lookup for checkout, editable install and wheel."""

from __future__ import annotations

from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

from workbench.errors import UsageError
from workbench.loading.source import nearest

_PACKAGE = Path(__file__).resolve().parent.parent
_PACKED = "_bundled"
"""The folder of our package where a wheel has what lies beside the packages in a checkout."""


def bundled(folder: str) -> Path:
    """Return a data folder that ships with the workbench: from the wheel, else from the checkout."""
    return shipped(_PACKAGE.parent / folder)


def is_packed(path: Path) -> bool:
    """Tell whether a file came with an installed package, and so is not the user's to change."""
    return path.is_relative_to(_PACKAGE / _PACKED)


def shipped(path: Path) -> Path:
    """Return where something is that lies beside the packages in a checkout: in a wheel it is in one of ours."""
    if path.is_relative_to(_PACKAGE.parent):
        ours = _PACKAGE / _PACKED / path.relative_to(_PACKAGE.parent)
        return ours if ours.exists() else path
    return path


def scenario_folders() -> list[Path]:
    """Return where scenarios are looked up, the user's folder first."""
    own = Path.cwd() / "scenarios"
    return [folder for folder in dict.fromkeys((own, bundled("scenarios"))) if folder.is_dir()]


def scenario_files() -> dict[str, Path]:
    """Return all scenarios that can be named, by name; a user's own hides a bundled one of the same name."""
    found: dict[str, Path] = {}
    for folder in scenario_folders():
        for path in sorted(folder.glob("*.yaml")):
            found.setdefault(path.stem, path)
    return found


def find_scenario(name_or_path: str) -> Path:
    """Return the file of a scenario. Raises UsageError with the nearest names."""
    if name_or_path.endswith((".yaml", ".yml")) or "/" in name_or_path:
        path = Path(name_or_path)
        if not _is_file(path):
            raise UsageError(f"there is no file {name_or_path}", hint="workbench list shows the scenarios")
        return path
    known = scenario_files()
    if name_or_path not in known:
        raise UsageError(
            f"there is no scenario {name_or_path!r}{nearest(name_or_path, list(known))}",
            hint="workbench list shows the scenarios; a path to a .yaml file works too",
        )
    return known[name_or_path]


def find_system(name_or_path: str, relative_to: Path) -> Path:
    """Return the system.yaml of an installed system (entry point group `workbench.systems`) or at a path.

    Raises UsageError if there is none.
    """
    if name_or_path.endswith((".yaml", ".yml")) or "/" in name_or_path:
        path = relative_to / name_or_path
        if not _is_file(path):
            raise UsageError(f"there is no system file {path}")
        return path
    installed = {entry.name: entry.value for entry in entry_points(group="workbench.systems")}
    if name_or_path not in installed:
        raise UsageError(
            f"there is no installed system {name_or_path!r}{nearest(name_or_path, list(installed))}",
            hint="a path to a system.yaml works too",
        )
    try:
        spec = find_spec(installed[name_or_path])
    except ImportError:  # of a package around it
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise UsageError(f"system {name_or_path!r}: package {installed[name_or_path]} cannot be found")
    return Path(spec.submodule_search_locations[0]) / "system.yaml"


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that no file can have
        return False
