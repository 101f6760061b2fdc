"""Leaving without losing a call over gRPC."""

from __future__ import annotations

import asyncio
import signal
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from target_services.chassis.resilience.grpc_wire import GrpcWire, rpc
from target_services.chassis.resilience.outcomes import AttemptFailed
from target_services.protos.inventory_pb2 import ReserveRequest
from tests.integration.shop.between import Between
from tests.integration.shop.stack import Shop, wait_until
from tests.ports import free_ports

RESERVE = "/shop.inventory.v1.Inventory/Reserve"
CLIENTS = 8


@dataclass
class Clients:
    """Reserve one after the other, each over a wire of its own, and never try again what was lost.

    They do when the callee says that its database was of no use: two share a file, and one may wait too long for the
    other. A call that is lost has no such status.
    """

    port: int
    reserved: list[list[str]] = field(default_factory=lambda: [[] for _ in range(CLIENTS)])
    failed: list[object] = field(default_factory=list)
    stop: bool = False

    def run(self) -> None:
        asyncio.run(self._all())

    async def _all(self) -> None:
        await asyncio.gather(*(self._one(reserved) for reserved in self.reserved))

    async def _one(self, reserved: list[str]) -> None:
        wire = GrpcWire(f"127.0.0.1:{self.port}")
        key = str(uuid.uuid4())
        while not self.stop:
            try:
                request = ReserveRequest(key=key, product_id=1, quantity=1)
                answer = await wire.exchange(rpc(RESERVE, request, idempotency_key=key), {})
            except AttemptFailed as failure:
                if failure.status != 503:
                    self.failed.append(failure)
                    key = str(uuid.uuid4())
                continue
            reserved.append(key) if answer.status == 200 else self.failed.append(answer.status)
            key = str(uuid.uuid4())
        await wire.close()

    def counts(self) -> list[int]:
        return [len(reserved) for reserved in self.reserved]


def test_no_call_is_lost_when_an_instance_leaves(make_shop: Callable[..., Shop]) -> None:
    """Under steady load until it is gone: no call fails, and what was answered is in the database, once.

    As a cluster does it, new connections lead to the next instance once this one is not ready.
    """
    leaving = make_shop(extra={"inventory": {"DRAIN_S": "10", "FINISH_S": "10"}})
    leaving.start("inventory")
    url = leaving.environment("inventory")["DATABASE_URL"]
    staying = make_shop(extra={"inventory": {"DATABASE_URL": url}})
    staying.start("inventory")
    (port,) = free_ports(1)
    between = Between(port, leaving.grpc_port)
    clients = Clients(port)
    thread = threading.Thread(target=clients.run, daemon=True)
    thread.start()
    try:
        wait_until("some load", lambda: min(clients.counts()) > 5, within_s=60)
        process = leaving.processes["inventory"]
        process.send_signal(signal.SIGTERM)
        wait_until("readiness to go", lambda: leaving.ask("GET", "/readyz", service="inventory").status == 503)
        between.callee_port = staying.grpc_port
        assert process.wait(60) == 0
        at_its_end = clients.counts()
        wait_until(
            "load on the other one",
            lambda: all(now > then + 2 for now, then in zip(clients.counts(), at_its_end, strict=True)),
            within_s=60,
        )
    finally:
        clients.stop = True
        thread.join(30)
        between.close()
    assert clients.failed == []
    kept = Counter(row["key"] for row in staying.audit("inventory")["effects"])
    assert kept == Counter(key for reserved in clients.reserved for key in reserved)
