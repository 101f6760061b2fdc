from __future__ import annotations

import importlib

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
    for name in (*GOOD, *UNDER_THE_WORKBENCH, "WORKBENCH_BUGS", "OTEL_EXPORTER_OTLP_ENDPOINT", "BROKER_URL"):
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


def test_postgresql_is_a_database(environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where its driver is installed; otherwise the message says what to install."""
    _set(environment, GOOD, {"DATABASE_URL": "postgresql://shop@127.0.0.1:5432/orders"})
    environment.setattr("target_services.chassis.settings.find_spec", lambda _: object())
    assert load_settings(Settings).database_url.startswith("postgresql://")
    environment.setattr("target_services.chassis.settings.find_spec", lambda _: None)
    assert "pip install 'resilience-workbench[servers]'" in _refused(capsys)[1]


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


@pytest.mark.parametrize(
    ("service", "wrong", "words"),
    [
        ("users", {"USERS_ACCESS_S": "900", "USERS_SESSION_S": "60"}, "USERS_SESSION_S: must be at least USERS_ACCESS"),
        ("users", {"USERS_KEY_ROTATE_S": "60"}, "USERS_KEY_OVERLAP_S: must be at most USERS_KEY_ROTATE_S"),
        ("users", {"DEMO_ACCOUNTS": "-1"}, "DEMO_ACCOUNTS: input should be greater than or equal to 0"),
        ("users", {"USERS_LOCKOUT_ATTEMPTS": "0"}, "USERS_LOCKOUT_ATTEMPTS: input should be"),
        ("gateway", {"GATEWAY_USER_RATE": "many"}, "GATEWAY_USER_RATE: is not a rate, such as 100/second"),
        ("gateway", {"GATEWAY_IN_FLIGHT": "0"}, "GATEWAY_IN_FLIGHT: input should be"),
        ("gateway", {"GATEWAY_KEYS_FRESH_S": "0"}, "GATEWAY_KEYS_FRESH_S: input should be"),
        ("gateway", {"BODY_LIMIT_BYTES": "1"}, "BODY_LIMIT_BYTES: input should be"),
    ],
)
def test_settings_of_users_and_gateway_have_to_make_sense(
    environment: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    service: str,
    wrong: dict[str, str],
    words: str,
) -> None:
    """Also those that are wrong only beside each other; two of them are two lines."""
    settings = importlib.import_module(f"target_services.{service}.app").Settings
    urls = {f"GATEWAY_{callee}_URL": "http://127.0.0.1:1" for callee in ("USERS", "CATALOG", "ORDERS", "INVENTORY")}
    _set(environment, GOOD | urls, {"OTEL_SERVICE_NAME": service}, wrong | {"PORT": "0"})
    with pytest.raises(SystemExit) as caught:
        load_settings(settings)
    lines = capsys.readouterr().err.splitlines()
    assert (caught.value.code, len(lines)) == (2, 3)
    assert any(line.strip().startswith(words) for line in lines), lines


def test_messages_have_to_go_somewhere(environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """To a broker or straight to notifications; with a broker nothing else is needed."""
    _set(environment, GOOD)
    environment.delenv("ORDERS_NOTIFICATIONS_URL")
    assert _refused(capsys)[1:] == [
        "  BROKER_URL: must be set where ORDERS_NOTIFICATIONS_URL is not: messages have to go somewhere"
    ]
    environment.setenv("BROKER_URL", "rabbit.example")
    assert _refused(capsys)[1:] == [
        "  BROKER_URL: is not a broker's URL, such as amqp://user:password@127.0.0.1:5672/shop"
    ]
    environment.setenv("BROKER_URL", "amqp://user:password@127.0.0.1:5672/shop")
    assert load_settings(Settings).broker_url == "amqp://user:password@127.0.0.1:5672/shop"
