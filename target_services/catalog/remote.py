"""What catalog asks of inventory: the badge that says how much there is of a product."""

from __future__ import annotations

from target_services.chassis.resilience.edge import Edge
from target_services.chassis.resilience.grpc_wire import message, rpc
from target_services.chassis.resilience.outcomes import CallFailed
from target_services.chassis.resilience.wire import Answer
from target_services.protos.inventory_pb2 import GetStockRequest, Stock

_GET_STOCK = "/shop.inventory.v1.Inventory/GetStock"
_LOW = 10


class Badges:
    """Stock badges, as inventory has them right now."""

    def __init__(self, inventory: Edge) -> None:
        self._inventory = inventory

    async def of(self, product_id: int) -> dict[str, object] | None:
        """Return how much there is of a product: level and on_hand.

        None where inventory cannot be asked, or does not know the product.
        """
        ask = rpc(_GET_STOCK, GetStockRequest(product_id=product_id), reads=True)
        return await self._inventory.call(ask, _badge, fallback=_without_badge)


def _badge(answer: Answer) -> dict[str, object] | None:
    if answer.problem() == "unknown-product":
        return None
    on_hand = message(Stock, answer).on_hand
    level = "in_stock" if on_hand > _LOW else "low" if on_hand > 0 else "sold_out"
    return {"level": level, "on_hand": on_hand}


async def _without_badge(_: CallFailed) -> dict[str, object] | None:
    return None
