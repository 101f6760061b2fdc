"""Who may see the live page, and who may stop a run: only who has its token, from its own page."""

from __future__ import annotations

import http.client
import json
import re
from pathlib import Path

import pytest

from tests.integration.live.rig import KEY, LiveRig, Reader

PATHS = ("/live/", "/live/events", "/live/runs/20260101T000000Z-a-abc123/report.html")


@pytest.mark.parametrize("path", PATHS)
def test_without_the_token_nothing_is_told(live: LiveRig, path: str) -> None:
    """Nor with another one, whichever way it is brought; and not with that of the control calls."""
    name = f"workbench-live-{live.port}"
    for headers in ({}, {"Cookie": f"{name}=wrong"}, {"Authorization": "Bearer wrong"}, live.control):
        status, said = live.get(path, **headers)
        assert 401 == status, headers
        assert KEY.encode() not in said
    assert 401 == live.get(f"{path}?token=wrong")[0]


def test_the_address_is_traded_for_a_cookie(live: LiveRig) -> None:
    """So that the token is in no history; the cookie is no script's, and goes to no other site and path."""
    connection = http.client.HTTPConnection("127.0.0.1", live.port, timeout=30)
    connection.request("GET", f"/live/?token={KEY}")
    answer = connection.getresponse()
    assert (303, "/live/") == (answer.status, answer.headers["Location"])
    cookie = answer.headers["Set-Cookie"]
    for part in (f"workbench-live-{live.port}={KEY}", "HttpOnly", "SameSite=Strict", "Path=/live"):
        assert part in cookie
    connection.close()
    kept = cookie.partition(";")[0]
    assert 200 == live.get("/live/", Cookie=kept)[0]
    assert 200 == live.rig.send("HEAD", "/live/", Cookie=kept)[0]  # so a page asks whether its key still fits


@pytest.mark.parametrize("host", ["example.org", "127.0.0.1.example.org:80", "live.localhost.example"])
def test_a_name_that_resolves_to_this_machine_is_turned_away(live: LiveRig, host: str) -> None:
    """DNS rebinding: the browser believes that it talks to somebody else."""
    for path in PATHS:
        assert 403 == live.get(path, Host=host, **live.cookie)[0]


@pytest.mark.parametrize("origin", ["http://example.org", "http://127.0.0.1:1", "null", "https://127.0.0.1:{port}"])
def test_other_pages_may_not_stop_a_run(live: LiveRig, origin: str) -> None:
    """Nor those of other ports of this machine, to which a browser gives the cookie all the same."""
    headers = {"Origin": origin.format(port=live.port), **live.cookie}
    assert 403 == live.rig.send("POST", "/live/stop", b'{"run": "x"}', **headers)[0]


def test_stopping_needs_the_token_and_says_where_it_comes_from(live: LiveRig) -> None:
    """With both there is nothing to stop here, which is another answer."""
    body = b'{"run": "20260101T000000Z-a-abc123"}'
    assert 401 == live.rig.send("POST", "/live/stop", body)[0]
    assert 401 == live.rig.send("POST", "/live/stop", body, **live.origin)[0]
    assert 403 == live.rig.send("POST", "/live/stop", body, **live.cookie)[0]
    assert 409 == live.rig.send("POST", "/live/stop", body, **live.cookie, **live.origin)[0]
    assert 409 == live.rig.send("POST", "/live/stop", body, Authorization=f"Bearer {KEY}")[0]
    assert 400 == live.rig.send("POST", "/live/stop", b"x", **live.cookie, **live.origin)[0]
    assert 400 == live.rig.send("POST", "/live/stop", b"[]", **live.cookie, **live.origin)[0]


def test_the_page_opens_no_other_door(live: LiveRig) -> None:
    """Its token is not that of control calls, and its own page may not make them."""
    for headers in ({**live.cookie}, {"Authorization": f"Bearer {KEY}"}):
        assert 401 == live.get("/samples", **headers)[0]
    assert 403 == live.get("/samples", **live.cookie, **live.origin)[0]


def test_nothing_but_the_pages_own_scripts_may_run(live: LiveRig) -> None:
    """The policy names them by hash, and lets the page talk to nobody else."""
    connection = http.client.HTTPConnection("127.0.0.1", live.port, timeout=30)
    connection.request("GET", "/live/", headers=live.cookie)
    answer = connection.getresponse()
    page, policy = answer.read().decode(), answer.headers["Content-Security-Policy"]
    connection.close()
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert "connect-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert page.count("<script>") == 2 == policy.partition("script-src")[2].partition(";")[0].count("sha256-")
    assert "no-referrer" == answer.headers["Referrer-Policy"]
    assert not re.search(r"(src|href|action)=\"(?!#|data:,)", page)
    assert not re.search(r"url\((?!#)|@import", page)


def test_reports_are_served_from_run_folders_and_nothing_else_is(live: LiveRig) -> None:
    """Read only, and as a page that is not of our origin: its scripts could not stop a run."""
    run = live.reports / "20260101T000000Z-latency-spike-abc123"
    run.mkdir()
    (run / "report.html").write_text("the report")
    (run / "run.json").write_text("{}")
    (live.reports / "secret").mkdir()
    (live.reports / "secret" / "report.html").write_text("not for you")
    connection = http.client.HTTPConnection("127.0.0.1", live.port, timeout=30)
    connection.request("GET", f"/live/runs/{run.name}/report.html", headers=live.cookie)
    answer = connection.getresponse()
    assert (200, b"the report") == (answer.status, answer.read())
    assert answer.headers["Content-Security-Policy"].startswith("sandbox ")
    connection.close()
    for path in (
        f"{run.name}/run.json",
        "secret/report.html",
        "../report.html",
        "%2e%2e/report.html",
        f"{run.name}%2f..%2fsecret/report.html",
        f"{run.name}/../secret/report.html",
        "..%5csecret/report.html",
    ):
        assert 404 == live.get(f"/live/runs/{path}", **live.cookie)[0], path
    assert 405 == live.rig.send("PUT", f"/live/runs/{run.name}/report.html", b"x", **live.cookie, **live.origin)[0]


def test_before_anybody_says_what_to_show_there_is_no_page(tmp_path: Path) -> None:
    """Also with a token that is empty, as none is."""
    rig = LiveRig(tmp_path)
    try:
        for headers in ({}, {"Authorization": "Bearer "}, rig.cookie):
            assert 503 == rig.get("/live/", **headers)[0]
    finally:
        rig.rig.process.kill()
        rig.rig.process.wait()


def test_a_short_token_is_refused(live: LiveRig) -> None:
    """Nobody could mean it."""
    order = {"live": {"token": "", "stack_id": "s", "system": {}, "state": "/", "reports": "/"}}
    status, said = live.rig.send("PUT", "/targets", json.dumps(order).encode(), **live.control)
    assert 400 == status
    assert "live.token" in said.decode()


def test_an_open_page_keeps_its_stream(live: LiveRig) -> None:
    """What is not yet known is told as such: no run, no verdicts."""
    with live.reader() as reader:
        reader.until("stack", "runs", "run", "now", "charts", "journal")
        assert reader.parts["run"] is None
        assert [] == reader.parts["runs"]
        assert "rest" == reader.parts["now"]["state"]
        assert isinstance(reader, Reader)
