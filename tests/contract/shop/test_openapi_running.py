"""Each service does what its committed document says, whatever is sent to it: fuzzed from the document itself.

All checks of schemathesis and all its phases: examples, edge values of each parameter, generated requests valid and
not, and sequences along the document's links. The same cases each time, as many as they are, however long they take.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from target_services.documents import openapi, services
from tests.integration.shop.stack import Shop

SHOP = Path(__file__).parents[3] / "target_services"
CONFIG = Path(__file__).with_name("schemathesis.toml")
CASES = 30
SEED = 7


@pytest.mark.parametrize("service", services())
def test_the_running_service_serves_the_committed_document(shop: Shop, service: str) -> None:
    assert shop.ask("GET", "/openapi.json", service=service).body == openapi(service) == committed(service)


@pytest.mark.parametrize("service", services())
def test_whatever_is_asked_the_answer_is_documented(shop: Shop, service: str, tmp_path: Path) -> None:
    done = fuzz(SHOP / service / "openapi.json", shop.url(service), tmp_path, known_to(shop))
    assert done.returncode == 0, done.stdout + shop.log(service)[-4000:]
    assert shop.ask("GET", "/readyz", service=service).status == 200


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        ('"^ch_[0-9a-f]{16}$"', '"^charge_[0-9a-f]{16}$"'),  # an answer of another form
        ('"409": {', '"410": {'),  # a status that is not told
        ('"exclusiveMinimum": 0', '"exclusiveMinimum": -9'),  # valid data that is refused
        ('"maximum": 2147483647', '"maximum": 99'),  # invalid data that is taken
    ],
)
def test_a_service_that_differs_from_its_document_is_caught(
    shop: Shop, tmp_path: Path, said: str, instead: str
) -> None:
    text = (SHOP / "provider" / "openapi.json").read_text()
    changed = text.replace(said, instead)
    assert changed != text
    document = tmp_path / "openapi.json"
    document.write_text(changed)
    assert fuzz(document, shop.url("provider"), tmp_path).returncode == 1


def known_to(shop: Shop) -> dict[str, str]:
    """Return what the configuration takes from the environment: tokens, and the id of an account."""
    customer, admin = shop.logged_in("customer-1"), shop.logged_in("admin")
    account = shop.ask("GET", "/v1/account", headers=customer).body
    return {"CUSTOMER": customer["authorization"], "ADMIN": admin["authorization"], "ACCOUNT": account["id"]}


def fuzz(
    document: Path, url: str, folder: Path, known: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)]
    command += ["run", str(document), "--url", url, "--checks", "all", "--continue-on-failure", "--no-color"]
    command += ["--seed", str(SEED), "--max-examples", str(CASES), "--generation-database", "none"]
    environment = {**os.environ, "CUSTOMER": "", "ADMIN": "", "ACCOUNT": "nobody", **(known or {})}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=280, check=False
    )


def committed(service: str) -> object:
    return json.loads((SHOP / service / "openapi.json").read_text())
