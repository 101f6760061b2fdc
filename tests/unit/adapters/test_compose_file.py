"""The shop's compose file as it stands: every container may do next to nothing, and images stand in one place."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from workbench.adapters.docker import servers
from workbench.loading.scenario_files import load_system

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
