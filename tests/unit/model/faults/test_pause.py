"""F15 pause: stopped until the undo."""

from __future__ import annotations

from workbench.model.faults.pause import Pause
from workbench.model.faults.process_actions import Throttle


def test_it_never_runs_and_holds_up_what_is_asked_of_it() -> None:
    fault = Pause.model_validate({"id": "f", "service": "payments"})
    assert Throttle(share=0.0) == fault.action()
    assert fault.hangs
    assert "hangs: its processes are stopped" == fault.describe()
