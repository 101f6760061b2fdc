from __future__ import annotations

import socket
from collections.abc import Callable

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from target_services.chassis.span_exporter import OtlpExporter
from tests.integration.shop.receiver import Receiver
from tests.integration.shop.stack import TOKEN, Shop, wait_until
from tests.ports import free_ports

SPANS = [Span(trace_id=b"t" * 16, span_id=b"s" * 8, name="x")]


def _exporter(url: str, timeout_s: float) -> OtlpExporter:
    return OtlpExporter(url, service="orders", tracer="shop", timeout_s=timeout_s)


def test_spans_arrive_over_one_connection_that_is_opened_again_when_lost() -> None:
    """Three batches, the connection cut in between: all arrive, none twice."""
    receiver = Receiver()
    exporter = _exporter(receiver.url, 5)
    try:
        for cut in (False, True, False):
            if cut:
                assert exporter._connection.sock is not None
                exporter._connection.sock.shutdown(socket.SHUT_RDWR)
            assert exporter.export(SPANS)
        assert len(receiver.spans) == 3
    finally:
        exporter.close()
        receiver.close()


def test_a_collector_that_is_not_there_is_a_failure_and_no_exception() -> None:
    """The buffer counts what is lost; nothing else happens."""
    assert not _exporter(f"http://127.0.0.1:{free_ports(1)[0]}", 1).export(SPANS)


def test_lost_spans_are_counted_and_do_not_hurt_requests(make_shop: Callable[..., Shop]) -> None:
    """Without a collector the service works, and its metric says how many spans are gone."""
    shop = make_shop(traces_to=f"http://127.0.0.1:{free_ports(1)[0]}")
    shop.start("inventory")
    assert [shop.ask("GET", "/v1/stock/1", service="inventory").status for _ in range(5)] == [200] * 5
    shop.ask("POST", "/flush", service="inventory", headers={"authorization": f"Bearer {TOKEN}"})
    wait_until("all to be counted", lambda: shop.metric("inventory", "workbench_spans_dropped_total") == 5)
    assert shop.stop("inventory") == 0


def test_stopping_does_not_wait_for_a_collector_that_hangs(make_shop: Callable[..., Shop]) -> None:
    """A receiver that accepts and never answers delays the end by a second or two, not by half a minute."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        shop = make_shop(traces_to=f"http://127.0.0.1:{silent.getsockname()[1]}")
        shop.start("inventory")
        shop.ask("GET", "/v1/stock/1", service="inventory")
        assert shop.stop("inventory", within_s=20) == 0
