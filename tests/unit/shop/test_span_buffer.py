from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace import TracerProvider

from target_services.chassis.span_buffer import SpanBuffer


class Exporter:
    def __init__(self, result: bool | Exception = True) -> None:
        self.batches: list[int] = []
        self.result = result
        self.go_on = threading.Event()
        self.go_on.set()

    def export(self, spans: Sequence[Span]) -> bool:
        assert self.go_on.wait(10), "the test has forgotten its exporter"
        self.batches.append(len(spans))
        if isinstance(self.result, Exception):
            raise self.result
        return self.result

    def close(self) -> None:
        """Nothing to do."""


class Bench:
    def __init__(self, exporter: Exporter, *, capacity: int = 100, delay_s: float = 60) -> None:
        self.exporter = exporter
        self.dropped = 0
        self.buffer = SpanBuffer(exporter, on_dropped=self._count, capacity=capacity, delay_s=delay_s, batch=10)
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(self.buffer)
        self.tracer = provider.get_tracer("test")

    def _count(self, spans: int) -> None:
        self.dropped += spans

    def end_spans(self, count: int) -> None:
        for _ in range(count):
            self.tracer.start_span("x").end()


def test_a_flush_sends_everything_in_batches() -> None:
    """25 spans go out as 10, 10 and 5."""
    bench = Bench(Exporter())
    bench.end_spans(25)
    assert bench.buffer.force_flush(30_000)
    assert bench.exporter.batches == [10, 10, 5]
    assert bench.dropped == 0


def test_spans_are_sent_without_a_flush_too() -> None:
    """After the delay, by the buffer's own thread."""
    bench = Bench(Exporter(), delay_s=0.01)
    bench.end_spans(3)
    until_s = time.monotonic() + 10
    while not bench.exporter.batches:
        assert time.monotonic() < until_s, "waited 10 s in vain for the spans"
        time.sleep(0.005)
    assert sum(bench.exporter.batches) == 3


def test_what_does_not_fit_is_counted() -> None:
    """100 fit, 20 are lost, and said to be."""
    bench = Bench(Exporter())
    bench.end_spans(120)
    assert bench.dropped == 20


def test_what_could_not_be_sent_is_counted() -> None:
    """Whether the exporter says so or raises; and the buffer lives on."""
    bench = Bench(Exporter(False))
    bench.end_spans(4)
    bench.buffer.force_flush(30_000)
    bench.exporter.result = RuntimeError("boom")
    bench.end_spans(3)
    bench.buffer.force_flush(30_000)
    assert bench.dropped == 7


def test_a_flush_does_not_wait_longer_than_asked() -> None:
    """With an exporter that hangs it gives up and says so."""
    bench = Bench(Exporter())
    bench.exporter.go_on.clear()
    bench.end_spans(1)
    assert not bench.buffer.force_flush(20)
    bench.exporter.go_on.set()
    assert bench.buffer.force_flush(30_000)


def test_after_shutdown_spans_are_counted_as_lost() -> None:
    """Nothing is taken that nobody will send."""
    bench = Bench(Exporter())
    bench.end_spans(2)
    bench.buffer.shutdown()
    bench.end_spans(1)
    assert bench.exporter.batches == [2]
    assert bench.dropped == 1
