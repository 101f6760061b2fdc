from __future__ import annotations

import socket
from collections.abc import Callable

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from target_services.chassis.span_exporter import OtlpExporter
from tests.integration.shop.receiver import Receiver
from tests.integration.shop.stack import TOKEN, Shop
from tests.ports import free_ports


def _spans() -> InMemorySpanExporter:
    memory = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    provider.get_tracer("test").start_span("x").end()
    return memory


def test_spans_arrive_over_one_connection_that_is_opened_again_when_lost() -> None:
    """Three batches, the connection cut in between: all arrive, none twice."""
    receiver, spans = Receiver(), _spans().get_finished_spans()
    exporter = OtlpExporter(receiver.url, timeout_s=5)
    try:
        for cut in (False, True, False):
            if cut:
                assert exporter._connection.sock is not None
                exporter._connection.sock.shutdown(socket.SHUT_RDWR)
            assert exporter.export(spans) is SpanExportResult.SUCCESS
        assert len(receiver.spans) == 3
    finally:
        exporter.shutdown()
        receiver.close()


def test_a_collector_that_is_not_there_is_a_failure_and_no_exception() -> None:
    """The buffer counts what is lost; nothing else happens."""
    exporter = OtlpExporter(f"http://127.0.0.1:{free_ports(1)[0]}", timeout_s=1)
    assert exporter.export(_spans().get_finished_spans()) is SpanExportResult.FAILURE


def test_lost_spans_are_counted_and_do_not_hurt_requests(make_shop: Callable[..., Shop]) -> None:
    """Without a collector the service works, and its metric says how many spans are gone."""
    shop = make_shop(traces_to=f"http://127.0.0.1:{free_ports(1)[0]}")
    shop.start("inventory")
    assert [shop.ask("GET", "/v1/stock/1", service="inventory").status for _ in range(5)] == [200] * 5
    shop.ask("POST", "/flush", service="inventory", headers={"authorization": f"Bearer {TOKEN}"})
    assert shop.metric("inventory", "workbench_spans_dropped_total") == 5
    assert shop.stop("inventory") == 0


def test_stopping_does_not_wait_for_a_collector_that_hangs(make_shop: Callable[..., Shop]) -> None:
    """A receiver that accepts and never answers delays the end by a second or two, not by half a minute."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        shop = make_shop(traces_to=f"http://127.0.0.1:{silent.getsockname()[1]}")
        shop.start("inventory")
        shop.ask("GET", "/v1/stock/1", service="inventory")
        assert shop.stop("inventory") == 0
