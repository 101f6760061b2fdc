from __future__ import annotations

from target_services.chassis.metrics import ServiceMetrics


def _metrics() -> ServiceMetrics:
    metrics = ServiceMetrics()
    metrics.announce([("GET", "/v1/orders/{order_id}")])
    return metrics


def test_label_sets_exist_at_0_before_the_first_request() -> None:
    """So a first error is a difference of 1, not a new series."""
    text = _metrics().render("")[0].decode()
    for code in ("2xx", "4xx", "5xx"):
        assert f'http_server_requests_total{{code="{code}",method="GET",route="/v1/orders/{{order_id}}"}} 0.0' in text
    assert "\nworkbench_spans_dropped_total 0.0" in text
    assert "_created" not in text


def test_exemplars_lead_from_a_duration_to_a_trace() -> None:
    """Only in OpenMetrics, and under the label that Grafana expects."""
    metrics = _metrics()
    metrics.request_ended("GET", "/v1/orders/{order_id}", 200, 0.01, "4bf92f3577b34da6a3ce929d0e0e4736")
    exemplar = '# {trace_id="4bf92f3577b34da6a3ce929d0e0e4736"} 0.01'
    assert exemplar in metrics.render("application/openmetrics-text; version=1.0.0")[0].decode()
    plain, media_type = metrics.render("text/plain")
    assert exemplar not in plain.decode()
    assert media_type.startswith("text/plain")
