"""The gateway's own part of its API: who is let in, what answers carry, which bodies are taken."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from target_services.chassis import problems
from target_services.chassis.body_limit import BodyLimit
from target_services.documents import openapi
from target_services.gateway import routes
from target_services.gateway.access import ADMINS, OPEN, ROLES
from target_services.gateway.answer_headers import SECURITY, AnswerHeaders
from target_services.gateway.domain import Gateway
from target_services.gateway.guard import Guard
from tests.unit.shop.asgi import Reply, ask
from tests.unit.shop.edges import Bench, answer
from tests.unit.shop.people import OTHER_KEY, jwks, token, tokens, users

ORDER = {"product_id": 1, "quantity": 1, "unit_price_cents": 500, "card": "tok_visa"}


class _Rig:
    """The gateway's API on edges that answer everything well."""

    def __init__(self, *, user_rate: str = "1000/hour", address_rate: str = "1000/hour", most: int = 1024) -> None:
        self.registry = CollectorRegistry()
        self.users = users(answer(body={"id": "acc_1"}))
        self.orders = Bench(answer(body={"id": "ord_1"}), name="gateway:orders")
        self.inventory = Bench(answer(body={"items": []}), name="gateway:inventory")
        self.catalog = Bench(answer(body={"items": []}), name="gateway:catalog")
        gateway = Gateway(
            users=self.users.edge,
            catalog=self.catalog.edge,
            orders=self.orders.edge,
            inventory=self.inventory.edge,
        )
        guard = Guard(tokens(jwks()), self.registry, user_rate=user_rate, address_rate=address_rate)
        self.inner = FastAPI()
        problems.install(self.inner)
        routes.add(self.inner, gateway, guard)
        self.app: ASGIApp = AnswerHeaders(BodyLimit(self.inner, most))

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        return asyncio.run(self.ask_in_loop(method, path, body, **headers))

    async def ask_in_loop(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        return await ask(self.app, method, path, body, content_type="application/json", **headers)

    def count(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


def _as(*roles: str, subject: str = "acc_1") -> str:
    return f"Bearer {token(roles=list(roles), sub=subject)}"


def test_the_table_of_roles_and_the_routes_are_the_same() -> None:
    """No route without its roles, none in the table that there is not."""
    there = {(method, r.path) for r in _Rig().inner.routes if isinstance(r, APIRoute) for method in r.methods or ()}
    assert there == set(ROLES)


def test_the_document_says_which_routes_ask_for_a_token() -> None:
    """Exactly those that are not open."""
    document = openapi("gateway")["paths"]
    asking = {(verb.upper(), path) for path, told in document.items() for verb in told if told[verb].get("security")}
    assert asking == {route for route, roles in ROLES.items() if roles is not OPEN}


def test_a_route_that_is_not_in_the_table_cannot_be_made() -> None:
    """Forgetting it fails the start, not the first attacker."""
    with pytest.raises(KeyError):
        _Rig().inner.get("/v1/forgotten")(lambda: None)


@pytest.mark.parametrize(("method", "template"), sorted(ROLES))
def test_every_route_asks_for_its_role(method: str, template: str) -> None:
    """Without a token 401, with another role 403, with the right one the service behind is asked."""
    rig, roles = _Rig(), ROLES[method, template]
    path = template.format(product_id=1, order_id="ord_0123456789abcdef")
    body = None if method == "GET" else ORDER
    key = {"idempotency_key": "0123456789"}
    nobody = rig.ask(method, path, body, **key)
    if roles is OPEN:
        assert nobody.status == 200
        return
    assert nobody.status == 401
    assert nobody.headers["www-authenticate"] == 'Bearer realm="shop"'
    assert rig.ask(method, path, body, authorization=f"Bearer {token(OTHER_KEY)}", **key).status == 401
    wrong = rig.ask(method, path, body, authorization=_as("customer" if roles == ADMINS else "visitor"), **key)
    assert wrong.status == 403
    assert "insufficient_scope" in wrong.headers["www-authenticate"]
    assert not rig.users.wire.sent + rig.orders.wire.sent + rig.catalog.wire.sent + rig.inventory.wire.sent
    assert rig.ask(method, path, body, authorization=_as(*roles), **key).status == 200
    assert rig.users.wire.sent or rig.orders.wire.sent or rig.inventory.wire.sent


def test_who_asks_is_told_by_the_token_alone() -> None:
    """A client that sends the header of the services behind is not believed."""
    rig = _Rig()
    forged = {"x_customer_id": "acc_2", "idempotency_key": "0123456789"}
    rig.ask("POST", "/v1/orders", ORDER | {"customer": "acc_2"}, authorization=_as("customer"), **forged)
    ((call, headers),) = rig.orders.wire.sent
    assert headers["x-customer-id"] == "acc_1"
    assert "acc_2" not in str(call.body) + str(headers)
    assert not {"authorization", "cookie"} & set(headers)


def test_a_bad_token_does_not_keep_anybody_from_browsing() -> None:
    """What is open is open: tokens are not looked at there."""
    assert _Rig().ask("GET", "/v1/products", authorization="Bearer nonsense").status == 200


def test_who_is_refused_is_not_listened_to() -> None:
    """401 comes before the body is read: what it says, and whether it makes sense, is nobody's business yet."""
    assert _Rig().ask("POST", "/v1/orders", b"{not json").status == 401


def test_users_have_their_limit_wherever_they_are_and_addresses_theirs() -> None:
    """One user's requests are counted together; the next user, at the same address, has room."""

    async def crowd() -> None:
        rig = _Rig(user_rate="2/hour", address_rate="3/hour")
        for left in ("1", "0"):
            reply = await rig.ask_in_loop("GET", "/v1/account", authorization=_as("customer"))
            assert (reply.status, reply.headers["ratelimit-remaining"]) == (200, left)
        limited = await rig.ask_in_loop("GET", "/v1/account", authorization=_as("customer"))
        assert limited.status == 429
        assert int(limited.headers["retry-after"]) >= 1
        assert (limited.headers["ratelimit-limit"], limited.headers["ratelimit-remaining"]) == ("2", "0")
        assert limited.json()["type"] == "urn:shop:problem:rate-limited"
        other = await rig.ask_in_loop("GET", "/v1/account", authorization=_as("customer", subject="acc_2"))
        assert other.status == 200
        for _ in range(3):
            assert (await rig.ask_in_loop("GET", "/v1/products")).status == 200
        assert (await rig.ask_in_loop("GET", "/v1/products")).status == 429
        assert rig.count("workbench_rate_limited_total", per="user") == 1
        assert rig.count("workbench_rate_limited_total", per="address") == 1

    asyncio.run(crowd())


def test_guessing_tokens_is_not_for_free() -> None:
    """Refused tokens count for the address; in the end they get 429 instead of another try."""

    async def guess() -> None:
        rig = _Rig(address_rate="2/hour")
        statuses = [(await rig.ask_in_loop("GET", "/v1/account", authorization="Bearer x")).status for _ in range(3)]
        assert statuses == [401, 401, 429]
        assert rig.count("workbench_token_refused_total", why="malformed") == 3

    asyncio.run(guess())


@pytest.mark.parametrize(
    "path", ["/v1/products", "/v1/account", "/v1/nowhere", "/v1/products/0"], ids=["ok", "401", "404", "422"]
)
def test_every_answer_carries_the_security_headers(path: str) -> None:
    """Refusals too."""
    reply = _Rig().ask("GET", path)
    assert {name: reply.headers[name] for name in SECURITY} == SECURITY


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{not json", 422),
        (b"[]", 422),
        (b'"text"', 422),
        (b"null", 422),
        (b"\xff\xfe\x00", 400),
        (b'{"a": ' + b"1" * 900 + b"}", 200),
        (b"[" * 1000, 400),
        (b'{"a":' * 150 + b"1" + b"}" * 150, 422),
        (b'{"a":[' * 100 + b"]}" * 100, 422),
        (b'{"a":' * 20 + b"1" + b"}" * 20, 200),
        (b'{"name": "' + b"x" * 2000 + b'"}', 413),
    ],
)
def test_bodies_that_make_no_sense_are_problem_documents(body: bytes, status: int) -> None:
    """Each is told what is wrong, and none reaches a service behind."""
    rig = _Rig()
    reply = rig.ask("POST", "/v1/sessions", body, content_length=str(len(body)))
    if status == 400 and reply.status == 422:
        status = 422  # both say the same; which of them it is depends on where the parser gives up
    assert reply.status == status
    if status != 200:
        assert reply.headers["content-type"] == "application/problem+json"
        assert not rig.users.wire.sent


def test_a_body_that_says_that_it_is_too_large_is_not_read() -> None:
    """413 at once, whatever comes of it."""
    reply = _Rig().ask("POST", "/v1/sessions", b"{", content_length="5000")
    assert (reply.status, reply.headers["connection"]) == (413, "close")


def test_a_body_that_hides_its_length_is_cut() -> None:
    """413 as soon as too much has come, whatever the header says or does not say."""
    rig = _Rig()
    large = b'{"name": "' + b"x" * 2000 + b'"}'
    for headers in ({}, {"content_length": "10"}, {"content_length": "many"}):
        reply = rig.ask("POST", "/v1/sessions", large, **headers)
        assert (reply.status, reply.headers["connection"]) == (413, "close")
        assert reply.headers["content-type"] == "application/problem+json"
    assert not rig.users.wire.sent


def test_a_wrong_method_is_told_all_right_ones() -> None:
    """405 with the methods of the address, whichever of its routes they belong to."""
    reply = _Rig().ask("DELETE", "/v1/orders")
    assert (reply.status, reply.headers["allow"]) == (405, "GET, POST")


def _order(**changes: object) -> dict[str, object]:
    return ORDER | changes


@pytest.mark.parametrize(
    "order",
    [
        *[_order(quantity=quantity) for quantity in (0, -1, 11, 10**30, 1.5, "many", None)],
        *[_order(unit_price_cents=price) for price in (0, -1, 0.5, 10**30, "1e400")],
        *[_order(product_id=id_) for id_ in (0, -1, 10**30, "x")],
        *[_order(card=card) for card in ("4111111111111111", "tok_", "tok_" + "x" * 50, "tok_visa\n")],
        {},
    ],
)
def test_orders_that_make_no_sense_are_refused_here(order: dict[str, object]) -> None:
    """422 as a problem document; orders is not asked."""
    rig = _Rig()
    reply = rig.ask("POST", "/v1/orders", order, authorization=_as("customer"), idempotency_key="0123456789")
    assert (reply.status, reply.json()["type"]) == (422, "urn:shop:problem:invalid-request")
    assert not rig.orders.wire.sent
