"""What every fault plane has to do, asked through the client that the runner uses.

The plane is ours, or the real Toxiproxy behind the runner's adapter. Tests that need what a plane lacks are skipped
for it.
"""

from __future__ import annotations

import http.client
import select
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from tests.integration.faultproxy.process import wait_for
from tests.integration.faultproxy.stage import CANARY, EDGE, LEASE_MS, PLANES, Stage, staged
from workbench.adapters.plane_client import PlaneClient
from workbench.engine.collecting import collect, open_tables
from workbench.faultproxy.wire import Counts, ProxyOrder
from workbench.model.faults import KINDS, EdgeFaultSpec
from workbench.model.faults.base import Ability
from workbench.model.faults.seeded import is_hit


@pytest.fixture(params=PLANES, scope="module")
def plane(request: pytest.FixtureRequest) -> Iterator[tuple[PlaneClient, frozenset[Ability], frozenset[str]]]:
    served = PLANES[request.param]
    with served.start() as client:
        yield client, served.abilities, served.lacks


@pytest.fixture
def stage(plane: tuple[PlaneClient, frozenset[Ability], frozenset[str]]) -> Iterator[Stage]:
    with staged(*plane) as stage:
        yield stage


ALL_KINDS: dict[str, dict[str, Any]] = {
    "latency": {"kind": "latency", "delay": "20ms"},
    "blackhole": {"kind": "blackhole"},
    "refuse": {"kind": "refuse"},
    "http_status": {"kind": "http_status", "status": 503},
    "response_lost": {"kind": "response_lost", "answer": "replaced"},
    "corrupt_body": {"kind": "corrupt_body", "how": "empty"},
    "fail_first": {"kind": "fail_first", "count": 1, "min_evidence": 1},
    "every_nth": {"kind": "every_nth", "n": 2},
    "brownout": {"kind": "brownout", "concurrent": 1, "service_time": "20ms"},
    "reset": {"kind": "reset"},
    "accept_then_close": {"kind": "accept_then_close"},
    "truncate": {"kind": "truncate", "after": 1},
    "bandwidth": {"kind": "bandwidth", "rate": "1KB/s"},
    "slow_drip": {"kind": "slow_drip", "every": "10ms"},
    "slicer": {"kind": "slicer", "average": 5, "variation": 2, "delay": "1ms"},
    "packet_loss": {"kind": "packet_loss", "loss": "5%"},
    "packet_reorder": {"kind": "packet_reorder", "reorder": "25%", "delay": "1ms"},
}


def test_every_kind_is_tested() -> None:
    of_edges = get_args(get_args(EdgeFaultSpec)[0])
    assert set(ALL_KINDS) == {name for name, kind in KINDS.items() if kind in of_edges}


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_a_fault_is_on_when_inject_returns_and_off_when_undo_returns(stage: Stage, kind: str) -> None:
    """The state names it in between, and only then; requests pass before and after."""
    stage.need(*KINDS[kind].needs)
    assert stage.get() == 200
    stage.put_on(**ALL_KINDS[kind])
    assert [state.id for state in stage.client.faults()] == ["f"]
    assert stage.refuses() is (kind == "refuse")
    last = stage.client.remove("f")
    assert last is not None
    assert (last.id, last.edge, last.kind) == ("f", EDGE, kind)
    assert stage.client.faults() == []
    assert stage.client.fault("f") is None
    assert stage.get() == 200


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_a_fault_expires_unless_renewed(stage: Stage, kind: str) -> None:
    stage.need_its("leases")
    stage.put_on(**ALL_KINDS[kind], lease_ms=150)
    wait_for("the fault has expired", lambda: stage.client.faults() == [])
    wait_for("the edge is open", lambda: not stage.refuses())
    assert stage.get() == 200
    assert stage.client.remove("f") is None


def test_a_renewed_fault_stays(stage: Stage) -> None:
    stage.need_its("leases")
    lease_ms = 4_000  # as long as the renewal may take
    stage.put_on("kept", kind="latency", delay="1ms", lease_ms=lease_ms)
    stage.put_on("left", kind="latency", delay="1ms", lease_ms=lease_ms)
    renewal = stage.client.renew(["kept", "never"], LEASE_MS)
    assert (renewal.renewed, renewal.unknown) == (["kept"], ["never"])
    wait_for("the other has expired", lambda: len(stage.client.faults()) == 1)
    assert [state.id for state in stage.client.faults()] == ["kept"]
    assert stage.client.renew(["kept", "left"], LEASE_MS).unknown == ["left"]


def test_undo_all_takes_everything_off(stage: Stage) -> None:
    stage.put_on("one", kind="latency", delay="1ms")
    stage.put_on("two", kind="refuse")
    assert [state.id for state in stage.client.remove_all()] == ["one", "two"]
    assert stage.client.remove_all() == []
    assert stage.get() == 200


def test_a_renewal_names_what_is_no_longer_on(stage: Stage) -> None:
    stage.put_on("kept", kind="latency", delay="1ms")
    stage.put_on("left", kind="blackhole")
    stage.client.remove("left")
    renewal = stage.client.renew(["kept", "left", "never"], LEASE_MS)
    assert (renewal.renewed, renewal.unknown) == (["kept"], ["left", "never"])


def test_a_closing_edge_accepts_and_answers_nothing(stage: Stage) -> None:
    """On new connections and on one that is kept: a read error, and no connect error."""
    kept = stage.connect()
    assert stage.get(connection=kept) == 200
    stage.put_on(kind="accept_then_close")
    assert not stage.refuses()
    for connection in (stage.connect(), kept):
        with pytest.raises((ConnectionResetError, BrokenPipeError, http.client.BadStatusLine)):
            stage.get(connection=connection)
        connection.close()
    assert len(stage.asked) == 1


def test_a_limited_rate_takes_its_time(stage: Stage) -> None:
    stage.put_on(kind="bandwidth", rate="500B/s")
    began = time.monotonic()
    assert stage.get() == 200
    assert time.monotonic() - began >= 0.1  # some hundred bytes of head


def test_a_cut_answer_does_not_pass_for_a_whole_one(stage: Stage) -> None:
    stage.put_on(kind="truncate", after=1)
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        stage.get()
    assert len(stage.asked) == 1


@pytest.mark.parametrize("side", ["request", "response"])
def test_latency_is_felt(stage: Stage, side: str) -> None:
    """On new connections and on one that is kept; on which side shows when the callee is called."""
    kept = stage.connect()
    assert stage.get(connection=kept) == 200
    stage.put_on(kind="latency", delay="300ms", side=side)
    for path, connection in (("/new", stage.connect()), ("/kept", kept)):
        began = time.monotonic()
        connection.request("GET", path)
        asked_early = False
        while not select.select([connection.sock], [], [], 0.02)[0]:
            asked_early |= path in stage.asked and time.monotonic() - began < 0.3
        assert time.monotonic() - began >= 0.3, "the first byte was early"
        assert connection.getresponse().read() == b"ok"
        connection.close()
        assert side == "response" or not asked_early


def test_latency_is_counted(stage: Stage) -> None:
    """Also that of a caller who does not wait for the answer."""
    stage.need_its("counts")
    stage.put_on(kind="latency", delay="100ms")
    hasty = stage.connect()
    hasty.request("GET", "/x")
    wait_for("the request is held", lambda: stage.counts().hit == 1)
    hasty.close()
    assert stage.get() == 200
    state = stage.client.fault("f")
    assert state is not None
    assert state.counts.hit == 2
    assert state.first_hit_ns is not None
    assert state.last_hit_ns is not None
    assert state.active_since_ns < state.first_hit_ns < state.last_hit_ns < state.expires_at_ns
    wait_for("the callee has been called twice", lambda: len(stage.asked) == 2)


def test_a_hole_answers_nothing_and_ends_connections_when_undone(stage: Stage) -> None:
    stage.put_on(kind="blackhole")
    waiting = stage.connect()
    waiting.request("GET", "/x")
    if "counts" in stage.lacks:
        assert not select.select([waiting.sock], [], [], 0.2)[0]
    else:
        wait_for("the request has vanished", lambda: stage.counts().hit == 1)
    stage.client.remove("f")
    with pytest.raises(ConnectionError):
        waiting.getresponse()
    waiting.close()
    assert stage.asked == []


def test_refused_connections_are_not_counted_and_live_ones_are_cut(stage: Stage) -> None:
    live = stage.connect()
    assert stage.get(connection=live) == 200
    stage.put_on(kind="refuse")
    with pytest.raises(ConnectionRefusedError):
        stage.get()
    with pytest.raises(ConnectionError):
        stage.get(connection=live)
    live.close()
    assert stage.counts() == Counts(eligible=0, hit=0, passed=0)


def test_a_fault_that_flaps_goes_and_comes_back_by_itself(stage: Stage) -> None:
    stage.need(Ability.PER_REQUEST)
    stage.put_on(kind="refuse", schedule={"period": "200ms", "duty": "50%"})
    for _ in range(2):
        wait_for("the edge refuses", stage.refuses)
        wait_for("the edge is open", lambda: not stage.refuses())
    state = stage.client.remove("f")
    assert state is not None
    assert (state.on, state.on_ns >= 150_000_000) == (False, True)
    assert stage.get() == 200


def test_a_share_is_of_requests_and_seeded(stage: Stage) -> None:
    """On one kept connection some requests are hit and others not: exactly those that the seed says."""
    stage.need(Ability.HTTP, Ability.PER_REQUEST, Ability.SEEDED)
    stage.put_on(kind="http_status", status=503, share=0.5, seed=11)
    kept = stage.connect()
    seen = [stage.get(connection=kept) == 503 for _ in range(40)]
    kept.close()
    assert [is_hit(11, "f", i, 0.5) for i in range(40)] == seen
    assert stage.counts() == Counts(eligible=40, hit=sum(seen), passed=40 - sum(seen))
    assert len(stage.asked) == 40 - sum(seen)


def test_a_match_picks_requests(stage: Stage) -> None:
    stage.need(Ability.HTTP, Ability.PER_REQUEST)
    stage.put_on(kind="http_status", status=503, match={"path": "/v1/*", "header": {"x-tier": "gold"}})
    assert stage.get("/v1/a", x_tier="gold") == 503
    assert stage.get("/v1/a", x_tier="tin") == 200
    assert stage.get("/v2/a", x_tier="gold") == 200
    assert stage.counts().eligible == 1


def test_faults_compose_in_the_order_of_declaration(stage: Stage) -> None:
    """Delays add up; the first answer wins, and later faults do not meet the request."""
    stage.need(Ability.HTTP, Ability.PER_REQUEST)
    stage.put_on("late", kind="latency", delay="60ms")
    stage.put_on("first", kind="http_status", status=503)
    stage.put_on("second", kind="http_status", status=500)
    began = time.monotonic()
    assert stage.get() == 503
    assert time.monotonic() - began >= 0.06
    assert [stage.counts(name).eligible for name in ("late", "first", "second")] == [1, 1, 0]


def test_a_lost_answer_was_given(stage: Stage) -> None:
    """The callee has acted; the caller gets another answer, the end of its connection, or nothing."""
    stage.need(Ability.HTTP, Ability.PER_REQUEST)
    stage.put_on(kind="response_lost", answer="replaced", match={"path": "/replaced"})
    stage.put_on("g", kind="response_lost", answer="closed", match={"path": "/closed"})
    stage.put_on("h", kind="response_lost", answer="dropped", match={"path": "/dropped"})
    kept = stage.connect()
    assert stage.get("/replaced", connection=kept) == 502
    assert stage.get("/passed", connection=kept) == 200
    kept.close()
    with pytest.raises(ConnectionError):
        stage.get("/closed")
    waiting = stage.connect()
    waiting.request("GET", "/dropped")
    wait_for("the callee has been asked", lambda: len(stage.asked) == 4)
    stage.client.remove("h")
    with pytest.raises(ConnectionError):
        waiting.getresponse()
    waiting.close()
    assert stage.asked == ["/replaced", "/passed", "/closed", "/dropped"]


def test_a_lost_answer_was_given_though_the_caller_gave_up(stage: Stage) -> None:
    stage.need(Ability.HTTP, Ability.PER_REQUEST)
    stage.put_on("slow", kind="latency", delay="150ms", side="request")
    stage.put_on(kind="response_lost", answer="dropped")
    with pytest.raises(TimeoutError):
        stage.get("/x", connection=stage.connect(timeout_s=0.02))
    wait_for("the callee has been asked", lambda: stage.asked == ["/x"])


def test_an_altered_answer_is_whole(stage: Stage) -> None:
    stage.need(Ability.HTTP, Ability.PER_REQUEST)
    stage.put_on(kind="corrupt_body", how="invalid_json")
    connection = stage.connect()
    for _ in range(2):
        connection.request("GET", "/x")
        response = connection.getresponse()
        body = response.read()
        assert (response.status, response.headers["Content-Length"]) == (200, str(len(body)))
        assert body.endswith(b"{")
    connection.close()


def test_counted_requests_fail_by_their_key(stage: Stage) -> None:
    stage.need(Ability.HTTP, Ability.PER_REQUEST, Ability.SEEDED)
    stage.put_on(kind="fail_first", count=2, per={"by": "header", "header": "x-key"})
    assert [stage.get(x_key="a") for _ in range(3)] == [503, 503, 200]
    assert [stage.get(x_key="b") for _ in range(3)] == [503, 503, 200]
    stage.client.remove("f")
    stage.put_on(kind="every_nth", n=3, status=500, per={"by": "path"})
    assert [stage.get(path) for path in ("/a", "/b", "/a", "/a", "/b", "/a")] == [200, 200, 200, 500, 200, 200]


def test_a_share_of_connections_is_of_connections(stage: Stage) -> None:
    """All requests of one share its fate, and it is the seed's."""
    stage.need(Ability.HTTP, Ability.SEEDED)
    stage.put_on(kind="http_status", status=503, connection_share=0.5, seed=11)
    for number in range(12):
        kept = stage.connect()
        seen = {stage.get(connection=kept) for _ in range(3)}
        kept.close()
        assert seen == {503 if is_hit(11, "f", number, 0.5) else 200}


def test_evidence_is_live_while_a_connection_is_open(stage: Stage) -> None:
    stage.need(Ability.HTTP, Ability.PER_REQUEST)
    stage.put_on(kind="blackhole")
    waiting = stage.connect()
    waiting.request("GET", "/x")
    wait_for("the request has vanished", lambda: stage.counts().hit == 1)
    state = stage.client.fault("f")
    assert state is not None
    assert state.bytes_in > 0
    assert state.bytes_out == 0
    waiting.send(b"more")
    sent = state.bytes_in + 4
    wait_for("what came since is counted", lambda: (stage.client.fault("f") or state).bytes_in == sent)
    waiting.close()


def test_retry_after_is_sent(stage: Stage) -> None:
    stage.need(Ability.HTTP)
    stage.put_on(kind="http_status", status=429, retry_after="1500ms")
    connection = stage.connect()
    connection.request("GET", "/x")
    response = connection.getresponse()
    assert (response.status, response.headers["Retry-After"]) == (429, "2")
    connection.close()


def test_attempts_are_recorded(stage: Stage, tmp_path: Path) -> None:
    """The rows are what the table says, and become the run's `attempts`."""
    stage.need_its("rows")
    raw = tmp_path / "raw"
    raw.mkdir()
    started = stage.client.start_recording(raw, "r", CANARY)
    stage.put_on(kind="http_status", status=503, match={"path": "/bad"})
    trace = "0af7651916cd43dd8448eb211c80319c"
    assert stage.get("/good,1", traceparent=f"00-{trace}-b7ad6b7169203331-01") == 200
    assert stage.get("/bad?x=1") == 503
    assert stage.get("/bad", x_workbench_canary=CANARY) == 503
    assert stage.client.recording().active
    end = stage.client.stop_recording()
    assert end.clock.monotonic_ns > started.clock.monotonic_ns
    assert (end.rows, end.dropped, end.error) == ({"attempts": 3}, {"attempts": 0}, None)
    assert not stage.client.recording().active

    assert collect(tmp_path, started.clock)["attempts"] == 3
    tables, _ = open_tables(tmp_path)
    columns = "ordinal, path, status, faults, decisions, canary, end_reason, trace_id"
    assert tables.execute(f"SELECT {columns} FROM attempts ORDER BY accepted").fetchall() == [
        (0, "/good,1", 200, "", "", False, "complete", trace),
        (1, "/bad", 503, "f", "f=0+", False, "complete", None),
        (-1, "/bad", 503, "f", "f=-1+", True, "complete", None),
    ]
    in_order = "0 < accepted AND accepted <= first_byte AND first_byte <= ended"
    assert tables.execute(f"SELECT bool_and({in_order}) FROM attempts").fetchall() == [(True,)]
    tables.close()


def test_health(stage: Stage) -> None:
    assert stage.client.health().ok


def test_proxies_that_are_there_stay(stage: Stage) -> None:
    """Asking again for the same edges disturbs nobody."""
    kept = stage.connect()
    assert stage.get(connection=kept) == 200
    order = ProxyOrder(name=EDGE, listen=f"{stage.host}:{stage.port}", upstream=stage.upstream)
    (proxy,) = stage.client.create_proxies([order])
    assert proxy.listen == f"{stage.host}:{stage.port}"
    assert stage.get(connection=kept) == 200
    kept.close()
