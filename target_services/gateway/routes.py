"""The shop's public API. Who may ask for what stands in `access`."""

from __future__ import annotations

from fastapi import FastAPI, Request
from starlette.responses import Response

from target_services.catalog.shapes import PageQuery, ProductId, ProductPage, ProductShown
from target_services.chassis.resilience.wire import Answer
from target_services.gateway.domain import Gateway
from target_services.gateway.guard import Guard, Subject, guarded_by
from target_services.gateway.shapes import (
    AccountChangeBody,
    ListQuery,
    LoginBody,
    RefreshBody,
    SignUpBody,
    to_anybody,
    to_known,
)
from target_services.inventory.shapes import StockPage
from target_services.orders.shapes import NOT_PLACED, Key, OrderBody, OrderId, OrderPage, OrderPageOfAll, OrderShown
from target_services.users.shapes import Accepted, AccountPage, AccountShown, Tokens

_PASSED_ON = ("retry-after", "location", "idempotent-replayed", "www-authenticate")


def add(app: FastAPI, gateway: Gateway, guard: Guard) -> None:
    """Add the API, each route of it behind the guard."""
    app.router.route_class = guarded_by(guard)
    _browsing(app, gateway)
    _people(app, gateway)
    _orders(app, gateway)
    _administration(app, gateway)


def _browsing(app: FastAPI, gateway: Gateway) -> None:
    @app.get("/v1/products", **to_anybody(ProductPage, problems={400: "bad-cursor"}, query=PageQuery))
    async def products(request: Request) -> Response:
        """List products. Where catalog cannot be asked: the last good page, which says so."""
        query = request.url.query
        return _shown(await gateway.browse(f"/v1/products?{query}" if query else "/v1/products"))

    @app.get("/v1/products/{product_id}", **to_anybody(ProductShown, problems={404: "unknown-product"}))
    async def product(product_id: ProductId) -> Response:
        """Show a product. Where catalog cannot be asked: as it was last, which it says."""
        return _shown(await gateway.browse(f"/v1/products/{product_id}"))


def _people(app: FastAPI, gateway: Gateway) -> None:
    @app.post("/v1/accounts", **to_anybody(Accepted, 202, problems={429: "too-many-logins"}))
    async def sign_up(body: SignUpBody) -> Response:
        """Ask for an account. The answer is the same where the name is taken."""
        return _shown(await gateway.enter("/v1/accounts", body))

    @app.post("/v1/sessions", **to_anybody(Tokens, 201, problems={401: "bad-credentials", 429: "too-many-logins"}))
    async def log_in(body: LoginBody) -> Response:
        """Log in. The answer is the same for a wrong password, a locked name and a name of nobody."""
        return _shown(await gateway.enter("/v1/sessions", body))

    @app.post("/v1/sessions/refresh", **to_anybody(Tokens, problems={401: "bad-refresh-token"}))
    async def refresh(body: RefreshBody) -> Response:
        """Stay logged in. A refresh token that comes a second time ends the whole session."""
        return _shown(await gateway.enter("/v1/sessions/refresh", body))

    @app.get("/v1/account", **to_known(AccountShown, problems={404: "unknown-account"}))
    async def account(subject: Subject) -> Response:
        """Show one's own account."""
        return _shown(await gateway.account(subject))

    @app.patch("/v1/account", **to_known(AccountShown, problems={404: "unknown-account"}))
    async def change_account(body: AccountChangeBody, subject: Subject) -> Response:
        """Change one's own account."""
        return _shown(await gateway.account(subject, change=body))


def _orders(app: FastAPI, gateway: Gateway) -> None:
    @app.post(
        "/v1/orders",
        **to_known(
            OrderShown,
            201,
            202,
            problems=NOT_PLACED,
            headers=("idempotent-replayed",),
            links={"find_order": {"order_id": "$response.body#/id"}},
        ),
    )
    async def place_order(order: OrderBody, key: Key, subject: Subject) -> Response:
        """Order something, once per key. 202: it is not finished yet, and will be without being asked again."""
        return _shown(await gateway.place_order(order.model_dump(), key, subject))

    @app.get("/v1/orders", **to_known(OrderPage, problems={400: "bad-cursor"}, query=ListQuery))
    async def own_orders(request: Request, subject: Subject) -> Response:
        """List one's own orders, the newest first."""
        return _shown(await gateway.orders_of(subject, request.url.query))

    @app.get("/v1/orders/{order_id}", **to_known(OrderShown, problems={404: "unknown-order"}))
    async def find_order(order_id: OrderId, subject: Subject) -> Response:
        """Show how far one's order has come."""
        return _shown(await gateway.order(order_id, subject))


def _administration(app: FastAPI, gateway: Gateway) -> None:
    @app.get("/v1/admin/orders", **to_known(OrderPageOfAll, problems={400: "bad-cursor"}, query=ListQuery))
    async def all_orders(request: Request) -> Response:
        """List everybody's orders, the newest first. For admins."""
        return _shown(await gateway.all_orders(request.url.query))

    @app.get("/v1/admin/accounts", **to_known(AccountPage, problems={400: "bad-cursor"}, query=ListQuery))
    async def accounts(request: Request) -> Response:
        """List all accounts, the oldest first. For admins."""
        return _shown(await gateway.accounts(request.url.query))

    @app.get("/v1/admin/stock", **to_known(StockPage, problems={400: "bad-cursor"}, query=ListQuery))
    async def stock(request: Request) -> Response:
        """List the stock of all products. For admins."""
        return _shown(await gateway.stock(request.url.query))


def _shown(answer: Answer) -> Response:
    headers = {name: answer.headers[name] for name in _PASSED_ON if name in answer.headers}
    media_type = answer.headers.get("content-type", "application/json")
    return Response(answer.body, answer.status, headers=headers, media_type=media_type)
