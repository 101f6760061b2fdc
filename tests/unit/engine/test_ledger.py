"""Whoever comes after a crash finds in the ledger every fault that may be on, and no other."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from workbench.engine.ledger import Ledger
from workbench.errors import EnvironmentFailure

SLOW = "slow on orders:payments (latency)"
GONE = "gone on front:orders (refuse)"


@pytest.fixture(autouse=True)
def undurable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the test of durability needs a disk."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


def opened(path: Path) -> Ledger:
    ledger = Ledger(path)
    ledger.open("slow", "orders:payments", "latency", "r")
    ledger.open("gone", "front:orders", "refuse", "r")
    return ledger


def test_entries_are_those_that_were_opened_and_not_closed(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    assert [] == ledger.entries()
    ledger = opened(tmp_path / "ledger")
    assert [SLOW, GONE] == ledger.entries()
    ledger.close("slow")
    ledger.close("never-opened")
    assert [GONE] == Ledger(tmp_path / "ledger").entries()
    ledger.clear("heal")
    assert [] == ledger.entries()
    ledger.open("slow", "orders:payments", "latency", "r")
    assert [SLOW] == ledger.entries()


def test_an_entry_is_on_the_disk_when_open_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line first, then, for a new file, its name in the folder."""
    path, synced = tmp_path / "ledger", []

    def fsync(number: int) -> None:
        synced.append((os.fstat(number).st_ino, path.stat().st_size))

    monkeypatch.setattr(os, "fsync", fsync)
    ledger = Ledger(path)
    ledger.open("slow", "orders:payments", "latency", "r")
    size = path.stat().st_size
    assert [(path.stat().st_ino, size), (tmp_path.stat().st_ino, size)] == synced
    ledger.close("slow")
    assert [(path.stat().st_ino, path.stat().st_size)] == synced[2:]


def test_a_torn_line_costs_neither_the_entries_before_nor_those_after_it(tmp_path: Path) -> None:
    """What was torn was never asked of the plane; the fault of the next run must not be lost with it."""
    path = tmp_path / "ledger"
    ledger = Ledger(path)
    ledger.open("slow", "orders:payments", "latency", "r")
    first = path.stat().st_size
    ledger.open("gone", "front:orders", "refuse", "r")
    whole = path.read_bytes()
    for end in range(first + 1, len(whole) - 1):
        path.write_bytes(whole[:end])
        assert [SLOW] == ledger.entries()
        ledger.open("gone", "front:orders", "refuse", "r2")
        assert [SLOW, GONE] == ledger.entries()


def test_a_damaged_line_is_skipped(tmp_path: Path) -> None:
    opened(tmp_path / "ledger")
    with (tmp_path / "ledger").open("ab") as file:
        file.write(b'\xff\n17\n{"op": "open"}\n{"op": "what"}\n')
    assert [SLOW, GONE] == Ledger(tmp_path / "ledger").entries()


def test_a_full_disk_is_told_before_anything_is_injected() -> None:
    with pytest.raises(EnvironmentFailure, match="/dev/full cannot be written: No space left on device"):
        Ledger(Path("/dev/full")).open("slow", "orders:payments", "latency", "r")


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFailure, match="cannot be written: No such file or directory"):
        Ledger(tmp_path / "gone" / "ledger").open("slow", "orders:payments", "latency", "r")
