from __future__ import annotations

import pytest

from target_services.chassis.bugs import Bug
from target_services.chassis.settings import load_settings
from target_services.orders.app import Settings

GOOD = {
    "OTEL_SERVICE_NAME": "orders",
    "PORT": "18103",
    "DATABASE_URL": "sqlite:////tmp/orders.db",
    "ORDERS_INVENTORY_URL": "http://127.0.0.1:18102/",
    "ORDERS_PAYMENTS_URL": "http://127.0.0.1:18104",
    "ORDERS_NOTIFICATIONS_URL": "http://127.0.0.1:18107",
}
UNDER_THE_WORKBENCH = {"WORKBENCH_STACK": "s1", "WORKBENCH_TOKEN": "secret"}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in (*GOOD, *UNDER_THE_WORKBENCH, "WORKBENCH_BUGS", "OTEL_EXPORTER_OTLP_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def _set(environment: pytest.MonkeyPatch, *variables: dict[str, str]) -> None:
    for name, value in {name: value for group in variables for name, value in group.items()}.items():
        environment.setenv(name, value)


def _refused(capsys: pytest.CaptureFixture[str]) -> list[str]:
    with pytest.raises(SystemExit) as caught:
        load_settings(Settings)
    assert caught.value.code == 2
    return capsys.readouterr().err.splitlines()


def test_good_settings_are_read(environment: pytest.MonkeyPatch) -> None:
    """Values have their types, and a base URL loses its last slash."""
    _set(environment, GOOD, UNDER_THE_WORKBENCH, {"WORKBENCH_BUGS": "breaker-off, fallback-off"})
    settings = load_settings(Settings)
    assert settings.port == 18103
    assert settings.orders_inventory_url == "http://127.0.0.1:18102"
    assert settings.workbench_bugs == {Bug.BREAKER_OFF, Bug.FALLBACK_OFF}


def test_all_problems_are_reported_at_once(environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Four wrong variables give four lines that begin with their names, and exit status 2."""
    wrong = {"PORT": "many", "ORDERS_PAYMENTS_URL": "payments", "DATABASE_URL": "mysql://x/y"}
    _set(environment, GOOD, wrong)
    environment.delenv("ORDERS_INVENTORY_URL")
    head, *lines = _refused(capsys)
    assert head == "Settings: 4 problems in the environment:"
    assert sorted(line.split(":")[0].strip() for line in lines) == [
        "DATABASE_URL",
        "ORDERS_INVENTORY_URL",
        "ORDERS_PAYMENTS_URL",
        "PORT",
    ]
    assert "  ORDERS_INVENTORY_URL: is not set" in lines


def test_bugs_are_refused_outside_the_workbench(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A service that runs for real cannot be broken by a variable."""
    _set(environment, GOOD, {"WORKBENCH_BUGS": "breaker-off"})
    assert "bugs are planted only under the workbench" in _refused(capsys)[1]


def test_an_unknown_bug_is_refused_with_the_list(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message names what there is."""
    _set(environment, GOOD, UNDER_THE_WORKBENCH, {"WORKBENCH_BUGS": "braker-off"})
    (line,) = _refused(capsys)[1:]
    assert "'braker-off'" in line
    assert all(bug in line for bug in Bug)


def test_under_the_workbench_a_token_is_needed(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without it the audit would be open to everybody."""
    _set(environment, GOOD, {"WORKBENCH_STACK": "s1"})
    assert _refused(capsys)[1].strip().startswith("WORKBENCH_TOKEN: must be set")


def test_the_token_is_not_printed(environment: pytest.MonkeyPatch) -> None:
    """Settings in a log or a traceback do not give the secret away."""
    _set(environment, GOOD, UNDER_THE_WORKBENCH)
    assert "secret" not in repr(load_settings(Settings))
