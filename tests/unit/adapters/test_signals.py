"""The first signal interrupts, later ones wait until cleaning up is over, and the old handlers come back."""

from __future__ import annotations

import os
import signal

import pytest

from workbench.adapters.signals import SignalTrap
from workbench.errors import Interrupted

_ALL = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)]


@pytest.mark.parametrize(("number", "code"), _ALL)
def test_the_first_signal_interrupts_with_its_exit_code(number: signal.Signals, code: int) -> None:
    with pytest.raises(Interrupted) as interrupted, SignalTrap() as trap:
        os.kill(os.getpid(), number)
    assert code == interrupted.value.exit_code
    assert number.name == trap.received


def test_later_signals_do_not_disturb_what_the_first_one_set_going() -> None:
    with SignalTrap() as trap:
        with pytest.raises(Interrupted):
            os.kill(os.getpid(), signal.SIGTERM)
        for number, _ in _ALL:
            os.kill(os.getpid(), number)
    assert "SIGTERM" == trap.received


def test_behind_the_shield_nothing_interrupts() -> None:
    with SignalTrap() as trap:
        trap.shield()
        for number, _ in _ALL:
            os.kill(os.getpid(), number)


def test_afterwards_every_handler_is_what_it_was() -> None:
    before = [signal.getsignal(number) for number, _ in _ALL]
    with SignalTrap():
        pass
    assert before == [signal.getsignal(number) for number, _ in _ALL]
