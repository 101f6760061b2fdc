"""The shop's compose file as it stands: every container may do next to nothing, and images stand in one place."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from workbench.adapters.docker import compose, servers
from workbench.adapters.grafana import starting
from workbench.adapters.native.layout import running_stack
from workbench.adapters.native.ports import choose
from workbench.loading.scenario_files import load_system
from workbench.model.planes import PlaneName
from workbench.model.tools import Tool

ROOT = Path(__file__).parents[3]
_PROJECT: dict[str, Any] = YAML(typ="safe").load(ROOT / "compose" / "compose.yaml")
_SERVICES: dict[str, dict[str, Any]] = _PROJECT["services"]


@pytest.mark.parametrize("name", _SERVICES)
def test_each_container_is_hardened(name: str) -> None:
    service = _SERVICES[name]
    assert service["read_only"]
    assert ["ALL"] == service["cap_drop"]
    assert ["no-new-privileges"] == service["security_opt"]
    assert "mem_limit" in service
    assert "pids_limit" in service
    assert not {"privileged", "network_mode", "pid", "ports", "cap_add", "devices"} & set(service)
    assert not str(service.get("user", "10001")).startswith("0")
    assert "full" in service["profiles"]


@pytest.mark.parametrize("name", sorted(set(_SERVICES) - {"relay", "jaeger"}))
def test_each_container_that_can_ask_itself_has_a_health_check(name: str) -> None:
    """Jaeger's image has nothing but Jaeger in it, and the relay nothing to ask; `up` asks them from outside."""
    assert "test" in _SERVICES[name]["healthcheck"]


def test_images_and_tags_stand_in_one_place() -> None:
    lines = (ROOT / "compose" / "versions.env").read_text().splitlines()
    versions = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    used = {_name(service["image"]) for service in _SERVICES.values()}
    assert used == set(versions) - {"PYTHON_IMAGE"}
    assert all(re.search(r":[\w.-]+$", image) and not image.endswith(":latest") for image in versions.values())
    for dockerfile in (ROOT / "target_services" / "Dockerfile", ROOT / "workbench" / "Dockerfile"):
        assert f"ARG PYTHON_IMAGE={versions['PYTHON_IMAGE']}\n" in dockerfile.read_text()


def _name(image: str) -> str:
    found = re.fullmatch(r"\$\{([A-Z_]+)\}", image)
    assert found is not None, image
    return found[1]


def test_each_database_of_the_shop_is_made() -> None:
    system = load_system("shop", ROOT).system
    assert {"postgres", "rabbitmq", "redis"} == set(servers.containers(system))
    databases = [name for name, resource in system.resources.items() if resource.kind == "database"]
    made = _SERVICES["postgres"]["environment"]["DATABASES"].split()
    assert sorted(databases) == sorted(f"{name}-db" for name in made)


def test_no_two_resources_share_a_listener() -> None:
    system = load_system("shop", ROOT).system
    made = servers.proxies(system)
    assert len(made) == len({proxy["listen"] for proxy in made}) == len(system.resources)


@pytest.fixture
def laid(tmp_path: Path) -> Path:
    """What is laid over the shop's file for a stack with Grafana, in a state folder."""
    loaded, state = load_system("shop", ROOT), tmp_path / ".workbench"
    (state / "recordings").mkdir(parents=True)
    ports = choose(loaded.system, None, list(Tool))
    stack = running_stack(
        loaded, ports, stack_id="s", token="the-token", owned=False, bugs=[], plane=PlaneName.BUILTIN
    ).model_copy(update={"recordings": str(state / "recordings")})
    text = compose.overlay(loaded, ports, stack, _PROJECT, exact={}, state=state)
    (state / "compose.json").write_text(text)
    (state / "compose.env").write_text("WORKBENCH_TOKEN=the-token\n")
    return state / "compose.json"


def test_the_password_of_grafana_is_in_no_environment(laid: Path) -> None:
    """Whoever may ask the engine sees the environment of a container, and whoever reads its files its arguments."""
    secret = starting.password(laid.parent / starting.FOLDER)
    assert secret not in laid.read_text()
    overlay = json.loads(laid.read_text())
    grafana = overlay["services"]["grafana"]
    assert "/run/secrets/grafana-password" == grafana["environment"]["GF_SECURITY_ADMIN_PASSWORD__FILE"]
    assert "GF_SECURITY_ADMIN_PASSWORD" not in grafana["environment"]  # the image refuses both
    assert ["grafana-password"] == grafana["secrets"]
    file = Path(overlay["secrets"]["grafana-password"]["file"])
    assert secret == file.read_text()
    holders = [path for path in laid.parent.rglob("*") if path.is_file() and secret in path.read_text(errors="replace")]
    assert {file, laid.parent / starting.FOLDER / "password"} == set(holders)


@pytest.mark.skipif(shutil.which("docker") is None, reason="docker compose is not on the path")
def test_compose_mounts_the_password_where_grafana_is_told_that_it_is(laid: Path) -> None:
    words = compose.command(ROOT / "compose" / "compose.yaml", ["full", "grafana"], "p", laid)
    asked = subprocess.run([*words, "config", "--format", "json"], capture_output=True, text=True, check=True)
    resolved = json.loads(asked.stdout)
    assert starting.password(laid.parent / starting.FOLDER) not in asked.stdout
    assert [{"source": "grafana-password"}] == [
        {"source": one["source"]} for one in resolved["services"]["grafana"]["secrets"]
    ]
    assert resolved["secrets"]["grafana-password"]["file"].endswith("/grafana/password-of-the-container")
