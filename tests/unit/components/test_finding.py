"""Where a program is looked for, in which order, and what is said where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.adapters.components.finding import Found, cached, find, needed, version
from workbench.adapters.components.releases import releases
from workbench.errors import EnvironmentFailure
from workbench.model.tools import Tool


def program(path: Path, says: str = "jaeger, version 2.20.0 (branch: x)") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}' >&2\n")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def _empty_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for release in releases().values():
        monkeypatch.delenv(release.setting, raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin:/usr/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("sys.platform", "linux")


def test_a_setting_comes_first_then_the_path_then_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find(Tool.JAEGER) is None
    kept = program(cached(releases()[Tool.JAEGER]))
    assert Found(kept, "cache") == find(Tool.JAEGER)
    on_path = program(tmp_path / "bin" / "jaeger")
    assert Found(on_path, "PATH") == find(Tool.JAEGER)
    named = program(tmp_path / "elsewhere" / "my-jaeger")
    monkeypatch.setenv("WORKBENCH_JAEGER", str(named))
    assert Found(named, "setting") == find(Tool.JAEGER)
    assert named == needed(Tool.JAEGER)


def test_a_setting_that_leads_nowhere_is_told_and_nothing_else_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "bin" / "jaeger")
    monkeypatch.setenv("WORKBENCH_JAEGER", str(tmp_path / "nowhere"))
    with pytest.raises(EnvironmentFailure, match=r"WORKBENCH_JAEGER names .*nowhere, which cannot be run"):
        needed(Tool.JAEGER)


def test_the_remedies_are_told() -> None:
    with pytest.raises(EnvironmentFailure, match="neither on PATH nor in") as missing:
        needed(Tool.PROMETHEUS)
    for remedy in ("PATH", "WORKBENCH_PROMETHEUS", "workbench components install prometheus"):
        assert remedy in str(missing.value.hint)


def test_a_program_is_asked_for_its_version(tmp_path: Path) -> None:
    assert "2.20.0" == version(Tool.JAEGER, program(tmp_path / "a"))
    assert "2.13.0" == version(Tool.JAEGER, program(tmp_path / "b", '{"gitVersion":"v2.13.0","buildDate":""}'))
    assert "unknown" == version(Tool.JAEGER, program(tmp_path / "c", "who knows"))
    assert version(Tool.JAEGER, tmp_path / "none") is None
