"""All fakes put together: everything outside the engine."""

from __future__ import annotations

from tests.fakes.calls import Calls, FakeInterruption
from tests.fakes.clock import FakeTime
from tests.fakes.plane import FakePlane
from tests.fakes.processes import FakeLoad, FakeRecorder, FakeServices, FakeSink
from workbench.engine.ports import Rim


class World:
    """One world per test."""

    def __init__(self, step_s: float = 0.0) -> None:
        self.calls = Calls()
        self.time = FakeTime(self.calls, step_s)
        self.plane = FakePlane(self.calls, self.time)
        self.recorders = [FakeRecorder(self.calls, self.time, name) for name in ("faultproxy", "collector")]
        self.load = FakeLoad(self.calls, self.time)
        self.services = FakeServices(self.calls, self.plane)
        self.sink = FakeSink(self.calls)
        self.interruption = FakeInterruption(self.calls)

    def rim(self) -> Rim:
        return Rim(
            time=self.time,
            plane=self.plane,
            recorders=list(self.recorders),
            load=self.load,
            services=self.services,
            sink=self.sink,
            interruption=self.interruption,
        )

    def left_on(self) -> list[str]:
        """Return everything that still goes on."""
        recording = [recorder.name for recorder in self.recorders if recorder.active]
        return [*self.plane.on, *recording, *(["load"] if self.load.running else [])]
