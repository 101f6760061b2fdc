"""setup.sh names each thing that is missing with the one command that mends it; the locks name no registry."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_TOOLS = ("sh", "dirname", "uname", "cat", "cksum", "grep")
_LOCKS = sorted((_ROOT / "requirements").glob("*.txt"))

OLD = 'case "$1" in --version) echo "Python 3.9.2" ;; *) exit 1 ;; esac'
NEW_WITHOUT_VENV = 'case "$*" in *ensurepip*) exit 1 ;; esac'
FAILS = "exit 1"


@dataclass(frozen=True)
class Machine:
    """A folder with the project's set-up in it, and a PATH with nothing but what a test puts there."""

    folder: Path
    path: Path

    def has(self, name: str, script: str = "exit 0") -> None:
        program = self.path / name
        program.unlink(missing_ok=True)
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def set_up(self, *argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", str(self.folder / "setup.sh"), *argv],
            env={"PATH": str(self.path), "HOME": str(self.folder), **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def asks_for(self, missing: str, command: str, **environment: str) -> None:
        """Assert that set-up ends with what is missing and the one command that mends it."""
        ended = self.set_up(**environment)
        assert 4 == ended.returncode, ended.stderr
        assert "" == ended.stdout
        assert ["", f"missing: {missing}", f"mend it: {command}"] == ended.stderr.splitlines()[-3:]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    path, folder = tmp_path / "bin", tmp_path / "project"
    path.mkdir()
    folder.mkdir()
    for tool in _TOOLS:
        found = shutil.which(tool)
        assert found is not None, tool
        (path / tool).symlink_to(found)
    for name in ("setup.sh", "pyproject.toml"):
        shutil.copy(_ROOT / name, folder)
    shutil.copytree(_ROOT / "requirements", folder / "requirements")
    made = Machine(folder, path)
    made.has("uname", "echo Linux")
    return made


_MANAGERS: Mapping[str, tuple[str, str]] = {
    "apt-get": ("sudo apt-get install -y python3.11", "sudo apt-get install -y python3-venv"),
    "dnf": ("sudo dnf install -y python3.12", "sudo dnf install -y python3"),
    "apk": ("sudo apk add python3.12", "sudo apk add python3"),
    "zypper": ("sudo zypper install -y python3.12", "sudo zypper install -y python3"),
    "pacman": ("sudo pacman -S python", "sudo pacman -S python"),
}


@pytest.mark.parametrize("manager", _MANAGERS)
def test_without_python_the_command_that_installs_it_is_named(machine: Machine, manager: str) -> None:
    machine.has(manager)
    machine.asks_for("Python 3.11 or newer (there is no python3)", _MANAGERS[manager][0])


def test_a_python_that_is_too_old_is_named_with_its_version(machine: Machine) -> None:
    machine.has("apt-get")
    machine.has("python3", OLD)
    machine.asks_for("Python 3.11 or newer (Python 3.9.2 is too old)", "sudo apt-get install -y python3.11")


def test_a_newer_python_beside_an_old_one_is_found_and_one_that_is_asked_for_comes_first(machine: Machine) -> None:
    machine.has("apt-get")
    machine.has("python3", OLD)
    machine.has("python3.12", NEW_WITHOUT_VENV)
    machine.asks_for(f"the venv module of {machine.path}/python3.12", "sudo apt-get install -y python3-venv")
    machine.has("mine", NEW_WITHOUT_VENV)
    machine.asks_for(f"the venv module of {machine.path}/mine", "sudo apt-get install -y python3-venv", PYTHON="mine")


def test_without_make_the_command_that_installs_it_is_named_and_set_up_goes_on(machine: Machine) -> None:
    """Who has no make starts setup.sh by hand."""
    machine.has("apt-get")
    machine.has("python3", NEW_WITHOUT_VENV)
    told = machine.set_up().stderr
    assert "- there is no make: sudo apt-get install -y make; or go on without it" in told
    assert "missing: the venv module" in told
    machine.has("uname", "echo Darwin")
    assert "- there is no make: xcode-select --install; or" in machine.set_up().stderr
    machine.has("make")
    assert "there is no make" not in machine.set_up().stderr


@pytest.mark.parametrize("manager", _MANAGERS)
def test_without_the_venv_module_the_command_that_installs_it_is_named(machine: Machine, manager: str) -> None:
    machine.has(manager)
    machine.has("python3", NEW_WITHOUT_VENV)
    machine.asks_for(f"the venv module of {machine.path}/python3", _MANAGERS[manager][1])


def test_on_macos_homebrew_is_named(machine: Machine) -> None:
    machine.has("uname", "echo Darwin")
    machine.asks_for("Python 3.11 or newer (there is no python3)", "brew install python@3.13")


def test_an_unknown_system_is_told_what_is_supported(machine: Machine) -> None:
    machine.has("uname", "echo MINGW64_NT-10.0")
    machine.asks_for(
        "a supported system (this is MINGW64_NT-10.0)", "use Linux, macOS, or Linux in WSL2: wsl --install"
    )


def test_with_uv_a_python_that_it_cannot_get_is_named_with_its_own_command(machine: Machine) -> None:
    machine.has("uv", FAILS)
    machine.asks_for("Python 3.11 or newer", "uv python install 3.13")


def test_an_unknown_set_of_packages_is_named_with_those_there_are(machine: Machine) -> None:
    ended = machine.set_up("tset")
    assert 2 == ended.returncode
    assert "there is no requirements/tset.txt; there are: runtime, test" in ended.stderr


def test_installing_that_fails_is_no_success_and_is_tried_again(machine: Machine) -> None:
    machine.has("uv", 'case "$1" in pip) exit 1 ;; esac')
    assert 0 != machine.set_up().returncode
    assert not list((machine.folder / ".venv").glob(".workbench-*"))


def test_a_set_up_that_is_up_to_date_says_and_does_nothing_until_a_lock_changes(machine: Machine) -> None:
    log = machine.folder / "done"
    machine.has("uv", f'echo "$*" >>{log}')
    machine.has("python3")
    (machine.folder / ".venv" / "bin").mkdir(parents=True)
    (machine.folder / ".venv" / "bin" / "python").symlink_to(machine.path / "python3")
    first = machine.set_up()
    assert 0 == first.returncode, first.stderr
    assert "- ready: .venv/bin/workbench" == first.stderr.splitlines()[-1]
    installed = log.read_text()
    assert "--require-hashes -r requirements/runtime.txt" in installed
    again = machine.set_up()
    assert (0, "", "") == (again.returncode, again.stdout, again.stderr)
    assert installed == log.read_text()
    with (machine.folder / "requirements" / "runtime.txt").open("a") as lock:
        lock.write("# changed\n")
    machine.set_up()
    assert installed != log.read_text()


@pytest.mark.parametrize("script", ["setup.sh", "lock.sh"])
def test_the_scripts_are_clean(script: str) -> None:
    checker = str(Path(sys.executable).with_name("shellcheck"))
    checked = subprocess.run([checker, str(_ROOT / script)], capture_output=True, text=True, timeout=60, check=False)
    assert (0, "") == (checked.returncode, checked.stdout)
    assert os.access(_ROOT / script, os.X_OK)


@pytest.mark.parametrize("lock", _LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_pins_every_package_by_hash_and_names_no_registry(lock: Path) -> None:
    text = lock.read_text()
    entries = re.split(r"\n(?=\S)", text.replace("\\\n", " ").strip())
    assert len(entries) > 5
    for entry in entries:
        assert re.match(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?==[0-9][^ ]*( ; [^-]+(-[^-]+)*?)? +--hash=sha256:", entry), entry
    for word in ("://", "--index-url", "--extra-index-url", "--find-links", "--trusted-host", " @ "):
        assert word not in text


def test_everything_that_the_project_needs_is_locked() -> None:
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())
    wanted = {_name(requirement) for requirement in project["project"]["dependencies"]}
    assert wanted
    for lock in _LOCKS:
        if lock.stem in ("shop", "plane", "grafana"):
            continue  # only a part runs there: see tests/unit/shop/test_image_requirements.py, tests/docker, and below
        assert wanted <= {_name(line) for line in lock.read_text().splitlines() if line and line[0].isalnum()}


def test_the_extra_that_is_kept_apart_is_locked() -> None:
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())
    (wanted,) = project["project"]["optional-dependencies"]["grafana"]
    assert wanted in (_ROOT / "requirements" / "grafana.in").read_text().splitlines()
    locked = (_ROOT / "requirements" / "grafana.txt").read_text().splitlines()
    assert _name(wanted) in {_name(line) for line in locked if line and line[0].isalnum()}


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None, requirement
    return re.sub(r"[-_.]+", "-", found[0]).lower()
