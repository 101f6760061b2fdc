"""Refresh tokens: good once, and not for ever; and which secrets are none."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from pydantic import ValidationError

from target_services.chassis.openapi import Shape
from target_services.chassis.problems import Problem
from target_services.users.shapes import Login, Refresh, SignUp
from target_services.users.tables import FAMILIES, REFRESH_TOKENS
from tests.unit.shop.desk import RIGHT, Desk, with_desk


def test_a_refresh_token_is_good_once(tmp_path: Path) -> None:
    """Each gives the next, for the same account."""

    async def test(desk: Desk) -> None:
        tokens = await desk.users.log_in("ann", RIGHT)
        seen = {tokens["refresh_token"]}
        for _ in range(3):
            renewed = await desk.users.refresh(str(tokens["refresh_token"]))
            assert desk.subject(renewed) == desk.subject(tokens)
            assert renewed["refresh_token"] not in seen
            seen.add(renewed["refresh_token"])
            tokens = renewed

    with_desk(tmp_path, test)


def test_a_refresh_token_that_comes_again_ends_its_family(tmp_path: Path) -> None:
    """Thief and owner are both out; another login of the same account is not."""

    async def test(desk: Desk) -> None:
        stolen, other = [str((await desk.users.log_in("ann", RIGHT))["refresh_token"]) for _ in range(2)]
        newest = str((await desk.users.refresh(stolen))["refresh_token"])
        for token in (stolen, newest, stolen):
            with pytest.raises(Problem) as caught:
                await desk.users.refresh(token)
            assert caught.value.status == 401
        await desk.users.refresh(other)

    with_desk(tmp_path, test)


def test_of_two_refreshes_at_the_same_time_one_wins(tmp_path: Path) -> None:
    """And the other ends the family: nobody can tell which of them was the thief."""

    async def test(desk: Desk) -> None:
        token = str((await desk.users.log_in("ann", RIGHT))["refresh_token"])
        results = await asyncio.gather(*(desk.users.refresh(token) for _ in range(5)), return_exceptions=True)
        (won,) = [result for result in results if isinstance(result, dict)]
        with pytest.raises(Problem):
            await desk.users.refresh(str(won["refresh_token"]))

    with_desk(tmp_path, test)


@pytest.mark.parametrize("token", ["", "rt_", "rt_unknown", "ann", "\x00", "x" * 10_000])
def test_unknown_refresh_tokens(tmp_path: Path, token: str) -> None:
    """The same 401 for whatever was never given out."""

    async def test(desk: Desk) -> None:
        with pytest.raises(Problem) as caught:
            await desk.users.refresh(token)
        assert caught.value.slug == "bad-refresh-token"

    with_desk(tmp_path, test)


def test_a_session_ends_however_often_it_is_prolonged(tmp_path: Path) -> None:
    """After its time it is refused, and then forgotten."""

    async def test(desk: Desk) -> None:
        token = str((await desk.users.log_in("ann", RIGHT))["refresh_token"])
        for _ in range(3):
            desk.clock.forward(2000)
            token = str((await desk.users.refresh(token))["refresh_token"])
        desk.clock.forward(2000)
        with pytest.raises(Problem):
            await desk.users.refresh(token)
        await desk.users.tend()
        assert (await desk.count(FAMILIES), await desk.count(REFRESH_TOKENS)) == (0, 0)

    with_desk(tmp_path, test)


@pytest.mark.parametrize(
    ("shape", "secret"),
    [(SignUp, "password"), (Login, "password"), (Refresh, "refresh_token")],
    ids=["sign-up", "log-in", "refresh"],
)
def test_a_secret_without_bytes_is_none(shape: type[Shape], secret: str) -> None:
    """JSON can name half a character; nothing could be hashed of it. Whoever sends it is told where, not what."""
    good = {"name": "ann", "password": RIGHT, "display_name": "Ann", "refresh_token": "rt_1"}
    body = {name: good[name] for name in shape.model_fields}
    shape.model_validate(body)
    shape.model_validate(body | {secret: "\U0001f40e" * 8})
    with pytest.raises(ValidationError) as caught:
        shape.model_validate(body | {secret: "x" * 7 + "\ud800"})
    (error,) = caught.value.errors()
    assert error["loc"] == (secret,)
    assert "ud800" not in error["msg"]
