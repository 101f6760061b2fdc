"""Where scenarios and systems are looked up: the user's folder first, then what is installed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from tests.unit.loading.folder import make
from workbench.errors import UsageError
from workbench.loading import locations
from workbench.loading.locations import bundled, find_scenario, find_system, scenario_files


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with scenarios of its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scenarios").mkdir()
    return tmp_path


def test_a_scenario_of_the_user_hides_the_bundled_one(home: Path) -> None:
    assert bundled("scenarios") / "latency-spike.yaml" == find_scenario("latency-spike")
    own = home / "scenarios" / "latency-spike.yaml"
    own.write_text("version: 1\n")
    assert own == find_scenario("latency-spike")
    assert "no-fault" in scenario_files(), "the others are still there"


def test_without_a_folder_of_scenarios_the_bundled_ones_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert {"latency-spike", "dependency-down", "error-burst", "no-fault"} <= scenario_files().keys()


def test_a_wheel_brings_its_own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "workbench" / "_bundled" / "scenarios").mkdir(parents=True)
    monkeypatch.setattr(locations, "_PACKAGE", tmp_path / "workbench")
    assert tmp_path / "workbench" / "_bundled" / "scenarios" == bundled("scenarios")
    assert tmp_path / "other" == bundled("other")


def test_an_unknown_scenario_is_told_with_the_nearest_names(home: Path) -> None:
    with pytest.raises(UsageError, match="there is no scenario 'latncy-spike'; did you mean 'latency-spike'") as raised:
        find_scenario("latncy-spike")
    assert "workbench list shows the scenarios; a path to a .yaml file works too" == raised.value.hint


@pytest.mark.parametrize("name", ["gone.yaml", "gone.yml", "./gone", "some/where"])
def test_a_path_that_is_not_there_is_told_as_a_path(home: Path, name: str) -> None:
    with pytest.raises(UsageError, match=f"there is no file {name}"):
        find_scenario(name)


def test_a_path_is_taken_as_it_is(home: Path) -> None:
    assert Path("./spike.yaml") == find_scenario(str(make(home).relative_to(home)))


def test_a_system_is_found_at_a_path_relative_to_who_names_it(home: Path) -> None:
    make(home)
    assert home / "system.yaml" == find_system("./system.yaml", home)
    with pytest.raises(UsageError, match=r"there is no system file .*/elsewhere/system.yaml"):
        find_system("./system.yaml", home / "elsewhere")


@pytest.fixture
def installed(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package with a system, one that is gone, and a module that is no package."""
    package = home / "somewhere" / "installed_system"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('finding a system runs nothing of it')\n")
    (package / "system.yaml").write_text("version: 1\n")
    (package.parent / "only_a_module.py").write_text("")
    monkeypatch.syspath_prepend(str(package.parent))
    entries = {
        "mine": "installed_system",
        "gone": "no_such_package",
        "deep": "no_such.package",
        "flat": "only_a_module",
    }
    points = [EntryPoint(name, value, "workbench.systems") for name, value in entries.items()]
    monkeypatch.setattr(locations, "entry_points", lambda group: points if group == "workbench.systems" else [])
    return package


def test_an_installed_system_is_found_by_its_entry_point_without_running_it(home: Path, installed: Path) -> None:
    assert installed / "system.yaml" == find_system("mine", home)
    assert "installed_system" not in sys.modules


@pytest.mark.parametrize(
    ("name", "package"), [("gone", "no_such_package"), ("deep", "no_such.package"), ("flat", "only_a_module")]
)
def test_an_installed_system_that_is_broken_is_told(home: Path, installed: Path, name: str, package: str) -> None:
    with pytest.raises(UsageError, match=f"system '{name}': package {package} cannot be found"):
        find_system(name, home)


def test_an_unknown_system_is_told_with_the_nearest_names(home: Path, installed: Path) -> None:
    with pytest.raises(UsageError, match="there is no installed system 'mien'; did you mean 'mine'") as raised:
        find_system("mien", home)
    assert "a path to a system.yaml works too" == raised.value.hint


def test_the_shop_is_installed() -> None:
    assert find_system("shop", Path()).is_file()


@pytest.mark.parametrize("find", [find_scenario, lambda path: find_system(path, Path.cwd())])
def test_a_name_that_no_file_can_have_is_told_as_one_that_is_not_there(find: Callable[[str], Path]) -> None:
    with pytest.raises(UsageError, match="there is no "):
        find(f"./{'a' * 5000}.yaml")
