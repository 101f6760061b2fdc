"""The breaker against a model that is too simple to be wrong: it recounts everything from a list of results."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from target_services.chassis.resilience.breaker import Breaker, BreakerOpen, BreakerPolicy, Permit, State
from tests.unit.shop.clocks import FakeClock

POLICY = BreakerPolicy(failures=3, window=4, reset_s=10.0, probes=2, slow=2, slow_s=4.0)
SLOW = 2


@dataclass
class Model:
    state: State = State.CLOSED
    era: int = 0
    opened_s: float = 0.0
    results: list[tuple[bool, bool]] = field(default_factory=list)
    """Failed and slow, of every attempt that counted since the last change of state."""
    probes: dict[int, str] = field(default_factory=dict)

    def enter(self, state: State, now_s: float) -> None:
        self.state, self.era, self.opened_s = state, self.era + 1, now_s
        self.results, self.probes = [], {}

    def admits(self, now_s: float) -> bool:
        if self.state is State.OPEN and now_s - self.opened_s >= POLICY.reset_s:
            self.enter(State.HALF_OPEN, now_s)
        if self.state is State.HALF_OPEN:
            return len(self.probes) < POLICY.probes
        return self.state is State.CLOSED

    def finish(self, number: int, era: int, result: str, *, slow: bool, now_s: float) -> None:
        if era != self.era:
            return
        if self.state is State.HALF_OPEN:
            self.probes[number] = result
            if result == "left out":
                del self.probes[number]
            elif result == "failed" or slow:
                self.enter(State.OPEN, now_s)
            elif list(self.probes.values()).count("succeeded") == POLICY.probes:
                self.enter(State.CLOSED, now_s)
        elif result != "left out":
            self.results.append((result == "failed", slow))
            failed, slows = map(sum, zip(*self.results[-POLICY.window :], strict=True))
            if failed >= POLICY.failures or slows >= SLOW:
                self.enter(State.OPEN, now_s)


class BreakerAgainstModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.breaker = Breaker(POLICY, clock=self.clock)
        self.model = Model()
        self.admitted = 0

    permits = Bundle("permits")

    @rule(target=permits)
    def admit(self) -> tuple[int, int, float, Permit] | None:
        expected = self.model.admits(self.clock())
        try:
            permit = self.breaker.admit()
        except BreakerOpen:
            assert not expected, "the breaker rejected what the model admits"
            return None
        assert expected, "the breaker admitted what the model rejects"
        self.admitted += 1
        if self.model.state is State.HALF_OPEN:
            self.model.probes[self.admitted] = "out"
        return self.admitted, self.model.era, self.clock(), permit

    @rule(given=consumes(permits), result=st.sampled_from(["succeeded", "failed", "failed", "left out"]))
    def finish(self, given: tuple[int, int, float, Permit] | None, result: str) -> None:
        if given is None:
            return
        number, era, started_s, permit = given
        {"succeeded": permit.succeeded, "failed": permit.failed, "left out": permit.left_out}[result]()
        slow = self.clock() - started_s >= POLICY.slow_s
        self.model.finish(number, era, result, slow=slow, now_s=self.clock())

    @rule(seconds=st.sampled_from([0.5, 4.0, 10.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.forward(seconds)

    @invariant()
    def states_agree(self) -> None:
        assert self.model.state is self.breaker.state


TestBreakerAgainstModel = BreakerAgainstModel.TestCase
TestBreakerAgainstModel.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
