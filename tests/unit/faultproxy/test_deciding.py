"""Decisions: seeded by ordinal, in the order of declaration, until an answer or a swallow ends it."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.faultproxy.active_fault import ActiveFault, RequestInfluence, activate
from workbench.faultproxy.deciding import Decided, decide
from workbench.faultproxy.heads import RequestHead, read_request_head
from workbench.faultproxy.wire import FaultOrder
from workbench.model.faults.actions import Action, Admit, Alter, Answer, Close, Lose, Pace, Swallow, Truncate
from workbench.model.faults.seeded import Draw, is_hit

NOW = 1_000
NEVER = 10**18
DELAY: dict[str, Any] = {"kind": "latency", "delay": "10ms"}
ERROR: dict[str, Any] = {"kind": "http_status", "status": 503}
HOLE: dict[str, Any] = {"kind": "blackhole"}


def fault(fault_id: str, seed: int = 7, expires_at_ns: int = NEVER, **fields: Any) -> RequestInfluence:
    declared = {"id": fault_id, "edge": "a:b", **fields}
    order = FaultOrder.model_validate({"fault": declared, "seed": seed, "lease_ms": 1})
    active = activate(order.fault, order.seed, 0, expires_at_ns)
    assert isinstance(active, RequestInfluence)
    active.turn(on=True, now=0)
    return active


def head(start: str = "GET /v1/orders HTTP/1.1", *lines: str) -> RequestHead:
    read = read_request_head(("\r\n".join((start, *lines)) + "\r\n\r\n").encode())
    assert read is not None
    return read


def ask_many(active: RequestInfluence, count: int) -> list[int]:
    """Return the ordinals that were hit."""
    return [i for i in range(count) if decide([active], head(), NOW).faults]


def test_the_seed_alone_decides_who_is_hit() -> None:
    """The ordinals are those that anybody can compute from seed, id and share."""
    expected = [i for i in range(200) if is_hit(7, "slow", i, 0.3)]
    assert expected == ask_many(fault("slow", share=0.3, **DELAY), 200)
    assert expected == ask_many(fault("slow", share=0.3, **DELAY), 200)
    assert expected != ask_many(fault("slow", seed=8, share=0.3, **DELAY), 200)


def test_a_declared_seed_counts_more() -> None:
    """A fault that names its own seed is not moved by the run's."""
    declared = {"id": "slow", "edge": "a:b", "share": 0.3, "seed": 7, **DELAY}
    order = FaultOrder.model_validate({"fault": declared, "seed": 8, "lease_ms": 1})
    active = activate(order.fault, order.seed, 0, NEVER)
    assert isinstance(active, RequestInfluence)
    active.turn(on=True, now=0)
    assert ask_many(fault("slow", seed=7, share=0.3, **DELAY), 99) == ask_many(active, 99)


def test_eligible_is_hit_plus_passed() -> None:
    active = fault("slow", share=0.3, **DELAY)
    hits = ask_many(active, 100)
    state = active.state()
    assert (state.counts.eligible, state.counts.hit) == (100, len(hits))
    assert state.counts.passed == 100 - len(hits)
    assert (state.first_hit_ns, state.last_hit_ns) == (NOW, NOW)


def test_who_does_not_match_is_not_numbered() -> None:
    active = fault("slow", match={"method": "POST", "path": "/v1/*"}, **DELAY)
    assert decide([active], head("GET /v1/x HTTP/1.1"), NOW).decisions == ""
    assert decide([active], head("POST /v2/x HTTP/1.1"), NOW).decisions == ""
    assert decide([active], head("POST /v1/x?y HTTP/1.1"), NOW).decisions == "slow=0+"


def test_a_match_can_ask_for_headers() -> None:
    active = fault("slow", match={"header": {"X-Tier": "gold*"}}, **DELAY)
    assert decide([active], head("GET / HTTP/1.1", "x-tier: silver"), NOW).faults == ""
    assert decide([active], head("GET / HTTP/1.1", "x-tier: golden"), NOW).faults == "slow"


def test_delays_add_up() -> None:
    first, second = fault("first", **DELAY), fault("second", side="request", **DELAY)
    third = fault("third", **DELAY)
    decided = decide([first, second, third], head(), NOW)
    assert decided.faults == "first second third"
    assert sum(decided.response_hold.values()) == 20_000_000
    assert sum(decided.request_hold.values()) == 10_000_000


@pytest.mark.parametrize(("ending", "kind"), [(ERROR, Answer), (HOLE, Swallow)])
def test_the_first_ending_wins(ending: dict[str, Any], kind: type) -> None:
    """Later faults do not meet the request: they neither count nor number it."""
    before, end, after = fault("before", **DELAY), fault("end", **ending), fault("after", **ERROR)
    decided = decide([before, end, after], head(), NOW)
    assert isinstance(decided.ending, kind)
    assert decided.ended_by is end
    assert decided.decisions == "before=0+ end=0+"
    assert after.eligible == 0


def test_a_missed_ending_ends_nothing() -> None:
    share = 1e-12
    decided = decide([fault("end", share=share, **ERROR), fault("after", **DELAY)], head(), NOW)
    assert decided.decisions == "end=0- after=0+"
    assert decided.ending is None


def test_a_canary_is_hit_and_leaves_no_trace_in_the_counts() -> None:
    active = fault("slow", share=1e-12, **DELAY)
    decided = decide([active], head(), NOW, canary=True)
    assert decided.decisions == "slow=-1+"
    assert active.state().counts.eligible == 0
    assert active.first_hit_ns is None


def is_met(decided: Decided) -> bool:
    return bool(decided.decisions or decided.faults or decided.influences() or decided.ending)


def test_a_canary_follows_match() -> None:
    active = fault("slow", match={"method": "POST"}, **DELAY)
    assert not is_met(decide([active], head(), NOW, canary=True))


def test_an_expired_fault_hits_nothing() -> None:
    """Whether its timer has fired yet or not."""
    active = fault("slow", expires_at_ns=NOW, **DELAY)
    assert not is_met(decide([active], head(), NOW))
    assert active.eligible == 0


def test_only_faults_without_requests_meet_bytes() -> None:
    """A connection that is not HTTP has no path to match, and nobody to answer."""
    delay, error = fault("delay", **DELAY), fault("error", **ERROR)
    selective = fault("selective", match={"method": "GET"}, **DELAY)
    assert decide([delay, error, selective], None, NOW).decisions == "delay=0+"


def test_jitter_is_drawn_from_the_ordinal() -> None:
    active = fault("slow", kind="latency", delay="100ms", jitter="50ms")
    holds = [sum(decide([active], head(), NOW).response_hold.values()) for _ in range(20)]
    expected = [active.rule.action(Draw(7, "slow", i)) for i in range(20)]
    assert [getattr(action, "ns", None) for action in expected] == holds
    assert len(set(holds)) == 20
    assert all(50_000_000 <= ns <= 150_000_000 for ns in holds)


def test_a_listener_fault_decides_nothing() -> None:
    order = FaultOrder.model_validate(
        {"fault": {"id": "down", "edge": "a:b", "kind": "refuse"}, "seed": 1, "lease_ms": 1}
    )
    active = activate(order.fault, order.seed, 0, NEVER)
    assert type(active) is ActiveFault
    assert active.closes_listener


# -- the whole vocabulary ---------------------------------------------------------------------------------------

PACED = Pace("response", lambda _: 10, lambda _: 5)
ALTERED = Alter(lambda _copy, _memory: b"")
REFUSAL = Answer(503, (), b"")


def acting(fault_id: str, action: Action, monkeypatch: pytest.MonkeyPatch) -> RequestInfluence:
    """A fault that does what no kind may do alone."""
    active = fault(fault_id, **DELAY)
    monkeypatch.setattr(type(active.rule), "action", lambda self, _draw: ACTIONS[self.id])
    ACTIONS[fault_id] = action
    return active


ACTIONS: dict[str, Action] = {}


def test_shapings_add_up_in_the_order_of_declaration(monkeypatch: pytest.MonkeyPatch) -> None:
    actions: list[Action] = [
        PACED,
        Truncate(9),
        ALTERED,
        Truncate(5),
        Pace("request", lambda _: 1, lambda _: 1),
        ALTERED,
    ]
    faults = [acting(f"f{number}", action, monkeypatch) for number, action in enumerate(actions)]
    decided = decide(faults, head(), NOW)
    assert decided.paces("response") == {faults[0]: PACED}
    assert list(decided.paces("request")) == [faults[4]]
    assert decided.truncated_at == 5
    assert decided.alterations == [(faults[2], ALTERED), (faults[5], ALTERED)]
    assert decided.influences() == tuple(faults)
    assert decided.ending is None
    decided.forget(faults[3])
    assert decided.truncated_at == 9
    assert Decided().truncated_at is None


@pytest.mark.parametrize("instead", [REFUSAL, Close(reset=False), Swallow()])
def test_a_loss_is_an_ending_that_the_callee_hears_of(instead: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    before, lost = acting("before", ALTERED, monkeypatch), acting("lost", Lose(instead), monkeypatch)
    after = acting("after", REFUSAL, monkeypatch)
    decided = decide([before, lost, after], head(), NOW)
    assert (decided.ending, decided.ended_by) == (Lose(instead), lost)
    assert not decided.answers_here
    assert decided.decisions == "before=0+ lost=0+"
    assert lost in decided.influences()
    decided.forget(lost)
    assert (decided.ending, decided.ended_by) == (None, None)


@pytest.mark.parametrize("ending", [REFUSAL, Close(reset=True), Swallow()])
def test_other_endings_are_kept_from_the_callee_and_cannot_be_forgotten(
    ending: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = acting("end", ending, monkeypatch)
    decided = decide([end], head(), NOW)
    assert decided.answers_here
    decided.forget(end)
    assert decided.ending == ending


def test_a_full_queue_is_an_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = acting("busy", Admit(concurrent=1, queue=1, service_ns=7, refusal=REFUSAL), monkeypatch)
    after = acting("after", ALTERED, monkeypatch)
    inside, waits, refused = (decide([busy, after], head(), NOW) for _ in range(3))
    assert [inside.places[busy].hold_ns, waits.places[busy].hold_ns] == [7, None]
    assert (refused.ending, refused.ended_by, refused.places) == (REFUSAL, busy, {})
    assert [d.decisions for d in (inside, waits, refused)] == ["busy=0+ after=0+", "busy=1+ after=1+", "busy=2+"]
    inside.give_places_back()
    assert waits.places[busy].hold_ns == 7


def test_whoever_does_not_get_to_the_callee_gives_its_place_back(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = acting("busy", Admit(concurrent=1, queue=0, service_ns=7, refusal=REFUSAL), monkeypatch)
    end = acting("end", Answer(500, (), b""), monkeypatch)
    for _ in range(3):
        decided = decide([busy, end], head(), NOW)
        assert (decided.ended_by, decided.places) == (end, {})
