"""The breaker against a model that is too simple to be wrong: it recounts everything from a list of results.

Any policy, any interleaving of admissions, results, cancellations and time: the same attempts are let through, the
state is the same, and so is every decision that is told, in order. Each of these defects makes it fail, as tried:
late results that count, cancelled probes that keep their place, late cancellations that free one, more probes than
allowed, a first probe's success that closes, a slow probe that closes, a window one too long, a reset time compared
with `>`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import event, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)

from target_services.chassis.resilience.breaker import Breaker, BreakerOpen, BreakerPolicy, Permit, State
from target_services.chassis.resilience.decisions import Decision
from tests.unit.shop.clocks import FakeClock

RESET_S, SLOW_S = 10.0, 4.0
ENTERED = {
    State.OPEN: Decision.BREAKER_OPENED,
    State.HALF_OPEN: Decision.BREAKER_HALF_OPENED,
    State.CLOSED: Decision.BREAKER_CLOSED,
}
COUNTED = {
    "succeeded": Decision.BREAKER_COUNTED_SUCCESS,
    "failed": Decision.BREAKER_COUNTED_FAILURE,
}


@st.composite
def policies(draw: st.DrawFn) -> BreakerPolicy:
    window = draw(st.integers(1, 5))
    return BreakerPolicy(
        failures=draw(st.integers(1, window)),
        window=window,
        reset_s=RESET_S,
        probes=draw(st.integers(1, 3)),
        slow=draw(st.none() | st.integers(1, window)),
        slow_s=SLOW_S,
    )


@dataclass
class Model:
    policy: BreakerPolicy
    state: State = State.CLOSED
    era: int = 0
    opened_s: float = 0.0
    results: list[tuple[bool, bool]] = field(default_factory=list)
    """Failed and slow, of every attempt that counted since the last change of state."""
    probes: dict[int, str] = field(default_factory=dict)
    told: list[Decision] = field(default_factory=list)

    def enter(self, state: State, now_s: float) -> None:
        self.state, self.era, self.opened_s = state, self.era + 1, now_s
        self.results, self.probes = [], {}
        self.told.append(ENTERED[state])

    def admits(self, number: int, now_s: float) -> bool:
        if self.state is State.OPEN and now_s - self.opened_s >= self.policy.reset_s:
            self.enter(State.HALF_OPEN, now_s)
        admitted = self.state is State.CLOSED
        if self.state is State.HALF_OPEN and len(self.probes) < self.policy.probes:
            self.probes[number] = "out"
            admitted = True
        self.told.append(Decision.BREAKER_ADMITTED if admitted else Decision.BREAKER_REJECTED)
        return admitted

    def finish(self, number: int, era: int, result: str, *, took_s: float, now_s: float) -> None:
        if result == "left out":
            self.told.append(Decision.BREAKER_LEFT_OUT)
            if era == self.era:
                self.probes.pop(number, None)
            return
        if era != self.era:
            self.told.append(Decision.BREAKER_CAME_LATE)
            return
        self.told.append(COUNTED[result])
        failed, slow = result == "failed", self.policy.slow is not None and took_s >= self.policy.slow_s
        if self.state is State.HALF_OPEN:
            self.probes[number] = result
            if failed or slow:
                self.enter(State.OPEN, now_s)
            elif list(self.probes.values()).count("succeeded") == self.policy.probes:
                self.enter(State.CLOSED, now_s)
            return
        self.results.append((failed, slow))
        failures, slows = map(sum, zip(*self.results[-self.policy.window :], strict=True))
        if failures >= self.policy.failures or (self.policy.slow is not None and slows >= self.policy.slow):
            self.enter(State.OPEN, now_s)


@dataclass(frozen=True)
class Given:
    """An attempt that was let through."""

    number: int
    era: int
    started_s: float
    permit: Permit


class BreakerAgainstModel(RuleBasedStateMachine):
    permits = Bundle("permits")

    @initialize(policy=policies())
    def begin(self, policy: BreakerPolicy) -> None:
        self.clock = FakeClock()
        self.told: list[Decision] = []
        self.breaker = Breaker(policy, clock=self.clock, observer=self._observe)
        self.model = Model(policy)
        self.asked = 0

    def _observe(self, decision: Decision, /, **_: str | float) -> None:
        self.told.append(decision)

    @rule(target=permits)
    def admit(self) -> Given | None:
        return self._admit()

    def _admit(self) -> Given | None:
        self.asked += 1
        expected = self.model.admits(self.asked, self.clock())
        try:
            permit = self.breaker.admit()
        except BreakerOpen:
            assert not expected, "the breaker rejected what the model admits"
            return None
        assert expected, "the breaker admitted what the model rejects"
        return Given(self.asked, self.model.era, self.clock(), permit)

    @rule(given=consumes(permits), result=st.sampled_from(["succeeded", "failed", "failed", "left out"]))
    def finish(self, given: Given | None, result: str) -> None:
        if given is None:
            return
        permit = given.permit
        {"succeeded": permit.succeeded, "failed": permit.failed, "left out": permit.left_out}[result]()
        if given.era != self.model.era:
            event(f"{result}, too late")
        elif self.model.state is State.HALF_OPEN:
            event(f"{result}, as a probe")
        took_s = self.clock() - given.started_s
        self.model.finish(given.number, given.era, result, took_s=took_s, now_s=self.clock())

    @rule(seconds=st.sampled_from([0.5, SLOW_S, RESET_S]))
    def time_passes(self, seconds: float) -> None:
        self.clock.forward(seconds)

    @rule(target=permits)
    def everybody_comes_when_the_reset_time_is_over(self) -> MultipleResults[Given | None]:
        """A crowd at the moment of half opening: as many get through as there are places."""
        self.clock.forward(RESET_S)
        return multiple(*(self._admit() for _ in range(self.model.policy.probes + 2)))

    @invariant()
    def states_agree(self) -> None:
        assert self.model.state is self.breaker.state

    @invariant()
    def the_same_is_told(self) -> None:
        assert self.model.told == self.told


TestBreakerAgainstModel = BreakerAgainstModel.TestCase
TestBreakerAgainstModel.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)
