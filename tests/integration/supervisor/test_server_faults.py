"""Faults on a server behind the real Toxiproxy: on, renewed, expired, undone, by whoever is left."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration.supervisor.marks import DEADLINE_S, wait_until
from tests.integration.supervisor.served import LEASE_MS, Served
from workbench.calls import call_json
from workbench.supervisor.planes import Plane
from workbench.supervisor.server_deeds import OnTheWire

DELAY_S = 0.3


@dataclass(frozen=True)
class Interrupted(Plane):
    """One that something happens at just before it opens a proxy."""

    before_opening: Callable[[], None]

    def enable(self, proxy: str, *, on: bool) -> None:
        if on:
            self.before_opening()
        super().enable(proxy, on=on)


def order(name: str, kind: str = "latency", *, closed: bool = False, lease_ms: int = LEASE_MS) -> dict[str, Any]:
    attributes = {} if closed else {"latency": round(DELAY_S * 1000), "jitter": 0}
    toxic = {"name": name, "type": "noop" if closed else kind, "stream": "downstream", "attributes": attributes}
    action = {"do": "toxics", "toxics": [toxic], "closed": closed}
    return {"id": name, "kind": "db_slow", "service": "words", "action": action, "lease_ms": lease_ms}


def put_on(served: Served, name: str, **fields: Any) -> dict[str, Any]:
    code, state = served.rig.send("POST", "/faults", order(name, **fields))
    assert 200 == code, state
    return dict(state)


def on(served: Served) -> list[str]:
    return [fault["id"] for fault in served.rig.send("GET", "/faults")[1]["faults"]]


def test_answers_of_a_server_are_late_while_it_is_on_and_no_longer(served: Served) -> None:
    state = put_on(served, "slow")
    assert ("words", {"by": "toxiproxy", "state": "latency"}) == (state["service"], state["evidence"])
    slow = served.says()
    assert slow is not None
    assert slow >= DELAY_S
    code, last = served.rig.send("DELETE", "/faults/slow")
    assert (200, "open") == (code, last["evidence"]["state"])
    assert served.is_whole()


def test_a_server_that_is_away_refuses_and_cuts_what_is_open(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.listen), timeout=DEADLINE_S) as pooled:
        pooled.sendall(b"word\n")
        assert b"word\n" == pooled.recv(16)
        put_on(served, "away", closed=True)
        assert b"" == pooled.recv(16)
    assert served.says() is None
    assert 200 == served.rig.send("DELETE", "/faults/away")[0]
    assert served.says() is not None


def test_what_nobody_renews_is_taken_off(served: Served) -> None:
    """Toxiproxy knows no leases; the supervisor does."""
    put_on(served, "slow", lease_ms=300)
    put_on(served, "away", closed=True, lease_ms=300)
    wait_until("both have expired", lambda: on(served) == [])
    assert served.is_whole()


def test_a_server_stays_closed_until_the_last_that_closed_it_is_gone(served: Served) -> None:
    for name in ("one", "other"):
        put_on(served, name, closed=True)
    served.rig.send("DELETE", "/faults/one")
    assert not served.proxy()["enabled"]
    served.rig.send("DELETE", "/faults/other")
    assert served.is_whole()


def test_a_server_that_is_closed_while_another_one_opens_it_stays_closed(served: Served) -> None:
    """What is undone has seen that nobody keeps it closed, and has not opened it yet."""
    opening, done = threading.Lock(), threading.Event()

    def on_wire(name: str, plane: Plane) -> OnTheWire:
        return OnTheWire(plane, "words", order(name, closed=True)["action"], lambda: "not opened", opening)

    def close() -> None:
        other.do(LEASE_MS / 1000)
        done.set()

    closing = threading.Thread(target=close)

    def before_opening() -> None:
        closing.start()
        done.wait(3)  # it comes in between, unless it is made to wait

    other = on_wire("other", Plane("toxiproxy", served.api, ""))
    one = on_wire("one", Interrupted("toxiproxy", served.api, "", before_opening))
    one.do(LEASE_MS / 1000)
    one.undo()
    closing.join()
    assert done.is_set()
    assert not served.proxy()["enabled"]
    assert "open" == other.undo()["state"]
    assert served.is_whole()


def test_a_runner_that_is_gone_leaves_a_server_as_it_was(served: Served) -> None:
    runner = served.rig.attach()
    put_on(served, "away", closed=True)
    runner.vanish()
    wait_until("the supervisor has undone it", lambda: on(served) == [] and served.is_whole())


def test_what_was_not_asked_for_here_is_undone_with_the_rest(served: Served) -> None:
    toxic = {"name": "mine", "type": "timeout", "attributes": {"timeout": 0}}
    call_json("POST", f"{served.api}/proxies/words/toxics", body=toxic, deadline_s=DEADLINE_S)
    put_on(served, "away", closed=True)
    assert 200 == served.rig.send("POST", "/undo", {})[0]
    assert served.is_whole()
    assert [] == on(served)


@pytest.mark.parametrize("closed", [False, True])
def test_one_that_somebody_else_has_taken_off_is_over_and_nothing_of_it_stays(served: Served, closed: bool) -> None:
    put_on(served, "f", closed=closed)
    call_json("DELETE", f"{served.api}/proxies/words/toxics/f", deadline_s=DEADLINE_S)
    wait_until("it is no longer listed", lambda: on(served) == [])
    assert served.is_whole()


def test_with_toxiproxy_its_faults_are_gone_and_the_next_one_has_none(served: Served) -> None:
    put_on(served, "away", closed=True)
    served.rig.signal("toxiproxy", signal.SIGKILL)
    wait_until("it is no longer listed", lambda: on(served) == [])
    wait_until("the server can be reached", lambda: served.says() is not None)


def test_what_stands_in_front_of_nothing_is_refused(served: Served) -> None:
    code, said = served.rig.send("POST", "/faults", order("f") | {"service": "shelf"})
    assert (404, "there is no Toxiproxy in front of shelf") == (code, said["error"])
    put_on(served, "f")
    code, said = served.rig.send("POST", "/faults", order("g", kind="no-such-toxic"))
    assert 500 == code
    assert "did not do as it was told in front of words" in said["error"]
    assert ["f"] == on(served)
