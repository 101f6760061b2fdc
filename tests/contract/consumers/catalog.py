"""What catalog needs of inventory, over gRPC: how much there is of a product."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from target_services.catalog.remote import Badges
from target_services.chassis.resilience.edge import Edge
from tests.contract.consumers.rpc_story import RpcStory
from tests.contract.consumers.story import problem

_GET_STOCK = "/shop.inventory.v1.Inventory/GetStock"


def _badge(product_id: int) -> Callable[[Edge], Awaitable[object]]:
    return lambda edge: Badges(edge).of(product_id)


INVENTORY = (
    RpcStory(
        "how much there is of a product",
        _GET_STOCK,
        given={"so many of a product are left": {"product_id": 501, "left": 600}},
        request={"product_id": 501},
        answer={"on_hand": 600},
        ask=_badge(501),
        understood={"level": "in_stock", "on_hand": 600},
    ),
    RpcStory(
        "how much there is of a product that is almost gone",
        _GET_STOCK,
        given={"so many of a product are left": {"product_id": 502, "left": 7}},
        request={"product_id": 502},
        answer={"on_hand": 7},
        ask=_badge(502),
        understood={"level": "low", "on_hand": 7},
    ),
    RpcStory(
        "how much there is of a product that is gone",
        _GET_STOCK,
        given={"so many of a product are left": {"product_id": 503, "left": 0}},
        request={"product_id": 503},
        answer={"on_hand": 0},
        ask=_badge(503),
        understood={"level": "sold_out", "on_hand": 0},
    ),
    RpcStory(
        "how much there is of a product that inventory does not know",
        _GET_STOCK,
        request={"product_id": 999_999},
        status=404,
        answer=problem("unknown-product"),
        ask=_badge(999_999),
        understood=None,
    ),
)
