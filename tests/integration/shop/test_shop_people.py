"""Who is let in, by real processes: sign-up, login, roles, keys across restarts, limits, and requests of bad shape."""

from __future__ import annotations

import http.client
import json
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import jwt
import pytest

from tests.integration.shop.stack import PASSWORD, Reply, Shop, wait_until


def _bearer(reply: Reply) -> dict[str, str]:
    return {"authorization": f"Bearer {reply.body['access_token']}"}


def _kid(reply: Reply) -> str:
    kid: str = jwt.get_unverified_header(reply.body["access_token"])["kid"]
    return kid


def _name() -> str:
    return f"new-{uuid.uuid4().hex[:12]}"


def test_from_signing_up_to_ones_own_orders(shop: Shop) -> None:
    """A new customer signs up, logs in, changes the account, orders, and sees that order and no other."""
    name = _name()
    account = {"name": name, "password": "a long enough one", "display_name": "Ann"}
    assert shop.ask("POST", "/v1/accounts", account).status == 202
    tokens = shop.log_in(name, "a long enough one")
    assert tokens.status == 201
    assert tokens.headers["cache-control"] == "no-store"
    me = _bearer(tokens)
    changed = shop.ask("PATCH", "/v1/account", {"display_name": "Ann B."}, headers=me)
    assert changed.body == shop.ask("GET", "/v1/account", headers=me).body
    assert (changed.body["name"], changed.body["display_name"], changed.body["roles"]) == (name, "Ann B.", ["customer"])
    assert shop.ask("GET", "/v1/orders", headers=me).body == {"items": [], "next_cursor": None}
    placed = [shop.order(str(uuid.uuid4()), headers=me).body["id"] for _ in range(3)]
    shop.order(str(uuid.uuid4()))
    page = shop.ask("GET", "/v1/orders?limit=2", headers=me).body
    rest = shop.ask("GET", f"/v1/orders?limit=2&cursor={page['next_cursor']}", headers=me).body
    assert [order["id"] for order in page["items"] + rest["items"]] == placed[::-1]
    assert rest["next_cursor"] is None
    somebody_elses = shop.ask("GET", f"/v1/orders/{placed[0]}", headers=shop.logged_in("customer-3"))
    assert somebody_elses.status == 404
    renewed = shop.ask("POST", "/v1/sessions/refresh", {"refresh_token": tokens.body["refresh_token"]})
    assert shop.ask("GET", "/v1/account", headers=_bearer(renewed)).body["name"] == name
    again = shop.ask("POST", "/v1/sessions/refresh", {"refresh_token": tokens.body["refresh_token"]})
    assert (again.status, again.body["type"]) == (401, "urn:shop:problem:bad-refresh-token")


def test_admins_see_everything_and_customers_do_not(shop: Shop) -> None:
    """All orders and whose they are, accounts without hashes, all stock; 403 for customers, and for admins who buy."""
    for customer in ("customer-4", "customer-4", "customer-5"):  # more than one page, in a shop that is new, too
        shop.order(str(uuid.uuid4()), headers=shop.logged_in(customer))
    admin = shop.logged_in("admin")
    path, seen = "/v1/admin/orders?limit=2", list[dict[str, object]]()
    for _ in range(2):
        page = shop.ask("GET", path, headers=admin).body
        seen += page["items"]
        path = f"/v1/admin/orders?limit=2&cursor={page['next_cursor']}"
    assert len({order["customer"] for order in seen[:2]}) == 2
    accounts = shop.ask("GET", "/v1/admin/accounts?limit=5", headers=admin)
    assert len(accounts.body["items"]) == 5
    assert "hash" not in str(accounts.body)
    stock = shop.ask("GET", "/v1/admin/stock?limit=2", headers=admin)
    more = shop.ask("GET", f"/v1/admin/stock?limit=1&cursor={stock.body['next_cursor']}", headers=admin)
    pieces = stock.body["items"] + more.body["items"]
    assert [piece["product_id"] for piece in pieces] == [1, 2, 3]
    assert len({piece["on_hand"] + piece["reserved"] + piece["sold"] for piece in pieces}) == 1
    for path in ("/v1/admin/orders", "/v1/admin/accounts", "/v1/admin/stock"):
        refused = shop.ask("GET", path, headers=shop.logged_in())
        assert (refused.status, refused.headers["content-type"]) == (403, "application/problem+json")
    assert shop.order(str(uuid.uuid4()), headers=admin).status == 403


def test_wrong_passwords_lock_a_name_and_say_nothing(shop: Shop) -> None:
    """The answer is one and the same for a wrong password, a locked name and a name of nobody."""
    name = _name()
    shop.ask("POST", "/v1/accounts", {"name": name, "password": "a long enough one", "display_name": "Ann"})
    assert shop.log_in(name, "a long enough one").status == 201

    def told(reply: Reply) -> tuple[int, str, str, str]:
        told_ = {key: value for key, value in reply.body.items() if key not in ("trace_id", "correlation_id")}
        return reply.status, json.dumps(told_), str(sorted(reply.headers)), reply.headers["www-authenticate"]

    wrong = [told(shop.log_in(name, "wrong")) for _ in range(11)]
    locked = told(shop.log_in(name, "a long enough one"))
    assert {*wrong, locked, told(shop.log_in(_name(), "wrong"))} == {wrong[0]}
    assert wrong[0][0] == 401


def test_a_restart_of_users_logs_nobody_out(make_shop: Callable[..., Shop]) -> None:
    """Tokens of before are good after it, while it is away too, and after a restart of the gateway."""
    shop = make_shop()
    shop.start("users", "gateway")
    before = shop.log_in()
    assert shop.ask("GET", "/v1/account", headers=_bearer(before)).status == 200
    shop.stop("users")
    away = shop.ask("GET", "/v1/account", headers=_bearer(before))
    assert away.status == 503, "the token is good, but there is nobody to ask"
    assert shop.ask("GET", "/v1/account", headers={"authorization": "Bearer x"}).status == 401
    assert shop.log_in().status == 503
    shop.start("users")
    shop.stop("gateway")
    shop.start("gateway")
    after = wait_until("a login", lambda: (reply := shop.log_in()).status == 201 and reply)
    assert _kid(after) == _kid(before)
    for reply in (before, after):
        assert shop.ask("GET", "/v1/account", headers=_bearer(reply)).status == 200
    refreshed = shop.ask("POST", "/v1/sessions/refresh", {"refresh_token": before.body["refresh_token"]})
    assert refreshed.status == 200


def test_a_gateway_that_has_never_seen_a_key_calls_nobody_a_liar(make_shop: Callable[..., Shop]) -> None:
    """Without users from the start: 503 with Retry-After, and as soon as users is there, the same token is good."""
    shop = make_shop()
    shop.start("users", "gateway")
    token = _bearer(shop.log_in())
    for service in ("gateway", "users"):
        shop.stop(service)
    shop.launch("gateway")
    wait_until("the gateway", lambda: shop._ready("gateway"))
    reply = shop.ask("GET", "/v1/account", headers=token)
    assert (reply.status, reply.body["type"], reply.headers["retry-after"]) == (
        503,
        "urn:shop:problem:keys-unavailable",
        "1",
    )
    shop.start("users")
    wait_until("the token to be taken", lambda: shop.ask("GET", "/v1/account", headers=token).status == 200)


def test_keys_rotate_and_nobody_notices(make_shop: Callable[..., Shop]) -> None:
    """Several keys within seconds; each token is good for as long as it says, whichever key signed it."""
    shop = make_shop(extra={"users": {"USERS_KEY_ROTATE_S": "2", "USERS_KEY_OVERLAP_S": "1", "USERS_ACCESS_S": "30"}})
    shop.start("users", "gateway")
    kids, good = set[str](), list[dict[str, str]]()

    def another_key() -> bool:
        tokens = shop.log_in()
        kids.add(_kid(tokens))
        good.append(_bearer(tokens))
        assert shop.ask("GET", "/v1/account", headers=good[-1]).status == 200
        return len(kids) >= 3

    wait_until("three keys in turn", another_key, within_s=60)
    latest = good[-3:]
    assert [shop.ask("GET", "/v1/account", headers=token).status for token in latest] == [200] * 3
    published = shop.ask("GET", "/v1/jwks.json", service="users").body["keys"]
    assert {entry["kid"] for entry in published} >= {jwt.get_unverified_header(latest[-1]["authorization"][7:])["kid"]}
    assert all("d" not in entry for entry in published)


def test_an_expired_token_is_refused_and_a_refresh_mends_it(make_shop: Callable[..., Shop]) -> None:
    """401 that says so, until the client has renewed it."""
    shop = make_shop(extra={"users": {"USERS_ACCESS_S": "10"}, "gateway": {"GATEWAY_LEEWAY_S": "0"}})
    shop.start("users", "gateway")
    tokens = shop.log_in()

    def refused() -> Reply | None:
        reply = shop.ask("GET", "/v1/account", headers=_bearer(tokens))
        return reply if reply.status == 401 else None

    reply = wait_until("the token to expire", refused)
    assert 'error_description="expired"' in reply.headers["www-authenticate"]
    renewed = shop.ask("POST", "/v1/sessions/refresh", {"refresh_token": tokens.body["refresh_token"]})
    assert shop.ask("GET", "/v1/account", headers=_bearer(renewed)).status == 200


def test_who_asks_too_often_has_to_wait_and_others_do_not(make_shop: Callable[..., Shop]) -> None:
    """429 with Retry-After and what is left, per user; browsing counts by address."""
    shop = make_shop(extra={"gateway": {"GATEWAY_USER_RATE": "3/hour"}})
    shop.start("users", "gateway")
    one, other = shop.logged_in("customer-1"), shop.logged_in("customer-2")
    replies = [shop.ask("GET", "/v1/account", headers=one) for _ in range(4)]
    assert [reply.status for reply in replies] == [200, 200, 200, 429]
    assert [reply.headers["ratelimit-remaining"] for reply in replies] == ["2", "1", "0", "0"]
    assert int(replies[-1].headers["retry-after"]) >= 1
    assert shop.ask("GET", "/v1/account", headers=other).status == 200
    assert shop.metric("gateway", 'workbench_rate_limited_total{per="user"}') == 1


def test_a_full_gateway_refuses_at_once_and_stays_healthy(make_shop: Callable[..., Shop]) -> None:
    """While four requests are in flight, whose bodies are still to come, others get 503."""
    shop = make_shop(extra={"gateway": {"GATEWAY_IN_FLIGHT": "4"}})
    shop.start("users", "gateway")
    me = shop.logged_in()
    with ExitStack() as stack:
        slow = [stack.enter_context(closing(_begun(shop))) for _ in range(4)]
        wait_until("four in flight", lambda: shop.metric("gateway", "http_server_active_requests") == 4)
        shed = shop.ask("GET", "/v1/account", headers=me)
        assert (shed.status, shed.headers["retry-after"]) == (503, "1")
        assert shed.body["type"] == "urn:shop:problem:overloaded"
        assert shop.ask("GET", "/readyz").status == shop.ask("GET", "/livez").status == 200
        for connection in slow:
            connection.send(b"{}")
        assert {connection.getresponse().status for connection in slow} == {422}
    assert shop.metric("gateway", "workbench_shed_total") == 1
    assert shop.ask("GET", "/v1/account", headers=me).status == 200


def _begun(shop: Shop) -> http.client.HTTPConnection:
    """Begin a request at the gateway whose body of two bytes is still to come."""
    connection = http.client.HTTPConnection("127.0.0.1", shop.ports["gateway"], timeout=30)
    connection.putrequest("POST", "/v1/sessions")
    connection.putheader("content-type", "application/json")
    connection.putheader("content-length", "2")
    connection.endheaders()
    return connection


def _raw(shop: Shop, service: str, content: bytes, headers: dict[str, str]) -> tuple[int, str | None]:
    connection = http.client.HTTPConnection("127.0.0.1", shop.ports[service], timeout=10)
    try:
        connection.putrequest("POST", "/v1/sessions", skip_accept_encoding=True)
        for name, value in ({"content-type": "application/json"} | headers).items():
            connection.putheader(name, value)
        connection.endheaders()
        connection.send(content)
        answer = connection.getresponse()
        return answer.status, answer.getheader("content-type")
    finally:
        connection.close()


@pytest.mark.parametrize("service", ["gateway", "users"])
def test_large_and_malformed_bodies_on_the_wire(shop: Shop, service: str) -> None:
    """413 unread when the length says so, 413 midway when nothing does, 422 or 400 for nonsense; all as problems."""
    large = {"content-length": str(10 * 2**20)}
    assert _raw(shop, service, b"{", large) == (413, "application/problem+json")
    chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    assert _raw(shop, service, chunk * 5, {"transfer-encoding": "chunked"}) == (413, "application/problem+json")
    for nonsense in (b"{not json", b"\xff\xfe", b"[" * 30_000, b'{"name": "\\ud800", "password": "\\ud800"}'):
        status, media_type = _raw(shop, service, nonsense, {"content-length": str(len(nonsense))})
        assert (status in (400, 422), media_type) == (True, "application/problem+json"), nonsense[:20]
    assert shop.log_in().status == 201


@pytest.mark.parametrize(
    "body",
    [
        {"name": "ann", "password": "short", "display_name": "Ann"},
        {"name": "Ann!", "password": PASSWORD, "display_name": "Ann"},
        {"name": "ann", "password": "x" * 129, "display_name": "Ann"},
        {"name": "ann", "password": PASSWORD, "display_name": "\x00"},
        {"name": "ann", "password": PASSWORD, "display_name": ""},
        {"name": ["ann"], "password": PASSWORD, "display_name": "Ann"},
        {"name": "ann", "password": "\ud800" * 8, "display_name": "Ann"},
        {"password": PASSWORD},
    ],
)
def test_accounts_that_nobody_can_have(shop: Shop, body: dict[str, object]) -> None:
    """422 that says where, and never repeats the password."""
    reply = shop.ask("POST", "/v1/accounts", body)
    assert (reply.status, reply.body["type"]) == (422, "urn:shop:problem:invalid-request")
    assert PASSWORD not in json.dumps(reply.body)
    assert "x" * 129 not in json.dumps(reply.body)


def test_logins_do_not_hold_up_other_requests(shop: Shop) -> None:
    """While many passwords are checked, the keys are still served: hashes are made beside the loop."""
    answered_meanwhile = 0

    def log_in(number: int) -> Reply:
        body = {"name": f"customer-{number}", "password": PASSWORD}
        return shop.ask("POST", "/v1/sessions", body, service="users", timeout_s=60)

    with ThreadPoolExecutor(20) as pool:
        logins = [pool.submit(log_in, number) for number in range(1, 21)]
        until_s = time.monotonic() + 60
        while not all(login.done() for login in logins) and time.monotonic() < until_s:
            answered_meanwhile += shop.ask("GET", "/v1/jwks.json", service="users").status == 200
        assert {login.result().status for login in logins} == {201}
    assert answered_meanwhile >= 3
