"""The journeys of the load, one at a time, in a process of their own: Locust patches the interpreter it is in."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.shop.between import Between
from tests.integration.shop.stack import Shop, wait_until

_RUN = """
import gevent.monkey
gevent.monkey.patch_all()
import json, sys
from locust.env import Environment
from target_services import journeys
host, user, times = sys.argv[1], getattr(journeys, sys.argv[2].title()), int(sys.argv[3])
user.host = host
environment = Environment(user_classes=[user])
failures = []
environment.events.request.add_listener(
    lambda name, exception, **_: failures.append(f"{name}: {exception}") if exception else None
)
someone = user(environment)
someone.on_start()
for _ in range(times):
    someone.outcome = someone.ack = None
    failures.clear()
    getattr(someone, someone.tasks[0].__name__)()
    print(json.dumps({"outcome": someone.outcome, "ack": someone.ack, "failures": failures}))
"""


def _journeys(shop: Shop, name: str, times: int = 1) -> list[dict[str, Any]]:
    ended = subprocess.run(
        [sys.executable, "-c", _RUN, shop.url("gateway"), name, str(times)],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


def _undegraded(journeys: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Repeat journeys until none is degraded: on a machine without room, some badges and orders come later."""

    def once() -> list[dict[str, Any]] | None:
        found = journeys()
        return found if all(journey["outcome"] != "degraded" for journey in found) else None

    undegraded: list[dict[str, Any]] = wait_until("journeys in good health", once, within_s=60)
    return undegraded


def test_in_good_health_both_end_ok(shop: Shop) -> None:
    """Browse promises nothing; a checkout acknowledges an order that is in the books under its key."""
    browsed = _undegraded(lambda: _journeys(shop, "browse", 4))
    assert browsed == [{"outcome": "ok", "ack": None, "failures": []}] * 4
    checkouts = _undegraded(lambda: _journeys(shop, "checkout", 3))
    assert {journey["outcome"] for journey in checkouts} == {"ok"}
    orders = {row["key"]: row for row in shop.audit("orders")["records"]}
    for journey in checkouts:
        ack = journey["ack"]
        assert (orders[ack["key"]]["id"], ack["state"]) == (ack["id"], "confirmed")
    assert len({journey["ack"]["key"] for journey in checkouts}) == 3


@pytest.mark.parametrize("name", ["account", "admin", "mixed"])
def test_those_who_are_known_end_ok(shop: Shop, name: str) -> None:
    """Logged in once, and staying so from journey to journey."""
    logins = 'http_server_requests_total{code="2xx",method="POST",route="/v1/sessions"}'

    def journeys() -> list[dict[str, Any]]:
        before = shop.metric("users", logins)
        found = _journeys(shop, name, 3)
        assert shop.metric("users", logins) == before + 1
        return found

    assert _undegraded(journeys) == [{"outcome": "ok", "ack": None, "failures": []}] * 3


_TOGETHER = """
import gevent.monkey
gevent.monkey.patch_all()
import gevent, sys
from locust.env import Environment
from target_services import journeys
host, user, count = sys.argv[1], getattr(journeys, sys.argv[2]), int(sys.argv[3])
user.host, journeys._SHOPPERS = host, 4
users = [user(Environment(user_classes=[user])) for _ in range(count)]
gevent.joinall([gevent.spawn(someone.on_start) for someone in users])
gevent.joinall([gevent.spawn(getattr(someone, someone.tasks[0].__name__)) for someone in users])
print(*(someone.outcome for someone in users))
"""


@pytest.mark.parametrize(("user", "count", "logins"), [("Admin", 12, 1), ("Checkout", 12, 4), ("Account", 4, 4)])
def test_users_of_one_account_log_in_once(make_shop: Callable[..., Shop], user: str, count: int, logins: int) -> None:
    """However many there are at once: all admins, those who buy by account, and each of the others by itself."""
    shop = make_shop(extra={"users": {"DEMO_ACCOUNTS": "20"}})
    shop.start()
    counter = 'http_server_requests_total{code="2xx",method="POST",route="/v1/sessions"}'
    before = shop.metric("users", counter)
    command = [sys.executable, "-c", _TOGETHER, shop.url("gateway"), user, str(count)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert ended.returncode == 0, ended.stderr
    assert set(ended.stdout.split()) <= {"ok", "degraded"}
    assert shop.metric("users", counter) == before + logins


def test_a_login_that_fails_is_a_failed_journey(make_shop: Callable[..., Shop]) -> None:
    """Whoever does not get in has been promised nothing, and tries again the next time."""
    shop = make_shop(extra={"users": {"DEMO_ACCOUNTS": "0"}})
    shop.start("users", "gateway", "catalog", "inventory", "orders")
    for journey in (*_journeys(shop, "checkout", 2), *_journeys(shop, "account", 2)):
        assert (journey["outcome"], journey["ack"]) == ("failed", None)
        assert journey["failures"] == ["/v1/sessions: 401 Bad credentials"]


def test_degraded_answers_are_told_apart(make_shop: Callable[..., Shop]) -> None:
    """Without inventory browsing is degraded; the checkout is queued, and acknowledged as such."""
    shop = make_shop()
    shop.start("catalog", "gateway", "orders")
    assert _journeys(shop, "browse") == [{"outcome": "degraded", "ack": None, "failures": []}]
    (checkout,) = _journeys(shop, "checkout")
    assert (checkout["outcome"], checkout["ack"]["state"], checkout["failures"]) == ("degraded", "queued", [])


def test_failures_are_told_apart_from_what_nobody_can_know(
    make_shop: Callable[..., Shop], put_between: Callable[[Shop, str], Between]
) -> None:
    """No catalog: failed. An order whose answer is lost: indeterminate, with its key. Nobody there: indeterminate."""
    shop = make_shop()
    put_between(shop, "GATEWAY_ORDERS_URL").swallow = True
    shop.start("gateway", "orders")
    (browse,) = _journeys(shop, "browse")
    assert browse["outcome"] == "failed"
    assert browse["failures"]
    shop.start("catalog", "inventory")
    (checkout,) = _journeys(shop, "checkout")
    assert (checkout["outcome"], checkout["ack"]["id"], checkout["ack"]["state"]) == (
        "indeterminate",
        None,
        "indeterminate",
    )
    (record,) = shop.audit("orders")["records"]
    assert record["key"] == checkout["ack"]["key"]
    shop.stop("gateway")
    (nobody,) = _journeys(shop, "browse")
    assert nobody["outcome"] == "indeterminate"
