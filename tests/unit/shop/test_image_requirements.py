"""The image's requirements: all that the services import, in the versions that were tested, and an SBOM of them."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[3]
NOT_IN_IMAGE = ("journeys.py", "logins.py", "make.py")
_PINNED = re.compile(r"^([A-Za-z0-9_.-]+)==([^ \\]+)", re.MULTILINE)


def pinned(lock: str) -> dict[str, set[str]]:
    """Return the versions of each package; there can be several, for several systems."""
    found: dict[str, set[str]] = {}
    for name, version in _PINNED.findall((ROOT / "requirements" / lock).read_text()):
        found.setdefault(name, set()).add(version)
    return found


def test_the_image_has_what_was_tested() -> None:
    shop, tested = pinned("shop.txt"), pinned("test.txt")
    assert len(shop) > 30
    assert {name: versions for name, versions in shop.items() if not versions <= tested.get(name, set())} == {}


def test_the_image_has_everything_that_the_services_import() -> None:
    imported = {
        name.partition(".")[0]
        for file in (ROOT / "target_services").rglob("*.py")
        if file.name not in NOT_IN_IMAGE
        for node in ast.walk(ast.parse(file.read_text()))
        for name in _named(node)
    }
    known = packages_distributions()
    shop = set(pinned("shop.txt"))
    assert {"fastapi", "psycopg", "aio_pika"} <= imported | {"psycopg"}
    missing = {
        name
        for name in imported - set(sys.stdlib_module_names) - {"target_services", "opentelemetry", "google"}
        if not {_normal(package) for package in known.get(name, [])} & shop
    }
    assert missing == set()


def test_the_sbom_lists_every_package_with_its_hashes(tmp_path: Path) -> None:
    file = tmp_path / "shop.cdx.json"
    command = [sys.executable, "-m", "cyclonedx_py", "requirements", "--output-reproducible", "--output-format", "JSON"]
    command += ["--output-file", str(file), str(ROOT / "requirements" / "shop.txt")]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    sbom = json.loads(file.read_text())
    assert sbom["bomFormat"] == "CycloneDX"
    listed = {component["name"]: component for component in sbom["components"]}
    assert set(listed) == set(pinned("shop.txt"))
    for component in listed.values():
        assert component["purl"].startswith(f"pkg:pypi/{component['name']}@")
        assert component["externalReferences"][0]["hashes"]


def _named(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module and node.level == 0 else []


def _normal(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()
