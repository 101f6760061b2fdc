"""Signing up and logging in; and what an attacker does not learn."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
from argon2 import PasswordHasher
from sqlalchemy import Connection, Engine, event, select

from target_services.chassis.draining import Draining
from target_services.chassis.problems import Problem
from target_services.chassis.resilience import deadline as deadlines
from target_services.chassis.resilience.deadline import Deadline
from target_services.users import demo
from target_services.users.accounts import Account
from target_services.users.app import tend_now_and_then
from target_services.users.domain import AUDIENCE
from target_services.users.passwords import LANES, MEMORY_KIB, PASSES
from target_services.users.tables import ACCOUNTS, ATTEMPTS, SCHEMA
from tests.unit.shop.desk import RIGHT, WRONG, Desk, with_desk


class Operations:
    """What was done: statements of the database in their order, and hashes that were checked."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def reset(self) -> list[str]:
        done, self.done = self.done, []
        return done


@pytest.fixture
def operations(monkeypatch: pytest.MonkeyPatch) -> Iterator[Operations]:
    seen = Operations()
    verify = PasswordHasher.verify

    def counted(self: PasswordHasher, hash: str, password: str) -> bool:  # noqa: A002 - argon2's name
        seen.done.append(f"verify {hash.rpartition('$')[0].rpartition('$')[0]}")
        return bool(verify(self, hash, password))

    def executed(_c: object, _cu: object, statement: str, *_: object) -> None:
        seen.done.append(statement)

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    event.listen(Engine, "before_cursor_execute", executed)
    yield seen
    event.remove(Engine, "before_cursor_execute", executed)


def test_keys_and_sessions_are_tended_again_whatever_went_wrong() -> None:
    """A defect the first time, and not only a database that is away."""
    draining = Draining()

    class StumblesOnce:
        tended = 0

        async def tend(self) -> None:
            self.tended += 1
            if self.tended == 1:
                raise ZeroDivisionError
            draining.begin()

    users = StumblesOnce()
    asyncio.run(tend_now_and_then(users, draining, every_s=0.001))  # type: ignore[arg-type]  # it is only tended
    assert users.tended == 2


def test_who_signs_up_can_log_in(tmp_path: Path) -> None:
    """The token says who it is and what for; the refresh token is something else."""

    async def test(desk: Desk) -> None:
        tokens = await desk.users.log_in("ann", RIGHT)
        account = await desk.users.accounts.named("ann")
        assert account is not None
        claims = jwt.decode(str(tokens["access_token"]), options={"verify_signature": False})
        assert (claims["sub"], claims["roles"], claims["aud"]) == (account.id, ["customer"], AUDIENCE)
        assert claims["exp"] - claims["iat"] == tokens["expires_in"] == 900
        assert "password" not in str(account.document())

    with_desk(tmp_path, test)


def test_hashes_are_as_strong_as_recommended_and_salted(tmp_path: Path) -> None:
    """argon2id with OWASP's least; the same password twice has two hashes."""

    async def test(desk: Desk) -> None:
        first, second = [await desk.passwords.hash(RIGHT) for _ in range(2)]
        assert first.startswith(f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}$")
        assert (MEMORY_KIB, PASSES, LANES) >= (19 * 1024, 2, 1)
        assert first != second
        assert await desk.passwords.matches(second, RIGHT)
        assert not await desk.passwords.matches(second, RIGHT + " ")
        assert not await desk.passwords.matches("not a hash", RIGHT)

    with_desk(tmp_path, test)


def test_an_attacker_cannot_tell_a_wrong_password_from_nobody_from_a_lock(
    tmp_path: Path, operations: Operations
) -> None:
    """Same words, same statements, same hash work; also the right password of a locked account is told nothing."""

    async def test(desk: Desk) -> None:
        operations.reset()
        answers, work = [], []
        for name, password in (("ann", WRONG), ("nobody", WRONG), ("bob", WRONG)):
            answers.append((await desk.refused(name, password)).document())
            work.append(operations.reset())
        for _ in range(2):
            await desk.refused("ann", WRONG)
            await desk.refused("nobody", WRONG)
        for name, password in (("ann", WRONG), ("ann", RIGHT), ("nobody", WRONG)):  # locked now
            operations.reset()
            answers.append((await desk.refused(name, password)).document())
            work.append(operations.reset())
        assert len({str(answer) for answer in answers}) == 1
        assert answers[0]["status"] == 401
        assert len({tuple(done) for done in work}) == 1
        assert sum(done.startswith("verify") for done in work[0]) == 1

    with_desk(tmp_path, test)


def test_signing_up_does_not_say_that_a_name_is_taken(tmp_path: Path, operations: Operations) -> None:
    """Same work, no word, and the account is still that of who had it."""

    async def test(desk: Desk) -> None:
        work = []
        for name in ("ann", "ben"):
            operations.reset()
            await desk.users.sign_up(name, WRONG, "Somebody")
            work.append(operations.reset())
        assert work[0] == work[1]
        await desk.users.log_in("ann", RIGHT)
        await desk.refused("ann", WRONG)

    with_desk(tmp_path, test)


def test_a_name_is_locked_for_a_while_and_no_longer(tmp_path: Path) -> None:
    """Three wrong passwords; then even the right one is refused, until the window is over."""

    async def test(desk: Desk) -> None:
        for _ in range(3):
            await desk.refused("ann", WRONG)
            desk.clock.forward(1)
        await desk.refused("ann", RIGHT)
        desk.clock.forward(50)
        await desk.refused("ann", RIGHT)
        desk.clock.forward(7)
        await desk.users.log_in("ann", RIGHT)

    with_desk(tmp_path, test)


def test_a_right_password_forgives_the_wrong_ones_before_it(tmp_path: Path) -> None:
    """Only failures in a row count; and other names are not touched."""

    async def test(desk: Desk) -> None:
        await desk.users.sign_up("ben", RIGHT, "Ben")
        for _ in range(3):
            for _ in range(2):
                await desk.refused("ann", WRONG)
            await desk.users.log_in("ann", RIGHT)
        for _ in range(4):
            await desk.refused("ann", WRONG)
        await desk.users.log_in("ben", RIGHT)

    with_desk(tmp_path, test)


def test_overload_locks_nobody_out(tmp_path: Path) -> None:
    """Attempts that there was no time for are none: the password was never looked at."""

    async def test(desk: Desk) -> None:
        for _ in range(5):
            with deadlines.apply(Deadline.after(0)):
                assert (await desk.refused("ann", RIGHT)).status == 504
        for _ in range(2):
            await desk.refused("ann", WRONG)
        await desk.users.log_in("ann", RIGHT)

    with_desk(tmp_path, test)


def test_guesses_at_the_same_time_are_counted_too(tmp_path: Path) -> None:
    """Twenty at once, the last of them right: it comes too late."""

    async def test(desk: Desk) -> None:
        guesses = [desk.users.log_in("ann", WRONG) for _ in range(19)]
        results = await asyncio.gather(*guesses, desk.users.log_in("ann", RIGHT), return_exceptions=True)
        assert all(isinstance(result, Problem) and result.status == 401 for result in results)

    with_desk(tmp_path, test)


def test_a_clock_that_goes_back_locks_nobody_out_for_longer(tmp_path: Path) -> None:
    """Attempts of the future are forgotten."""

    async def test(desk: Desk) -> None:
        for _ in range(4):
            await desk.refused("ann", WRONG)
        desk.clock.forward(-500)
        await desk.users.log_in("ann", RIGHT)

    with_desk(tmp_path, test)


def test_attempts_are_not_kept_for_ever_nor_by_name(tmp_path: Path) -> None:
    """An attacker with a million names does not fill the disk, and no name of nobody stands in the table."""

    async def test(desk: Desk) -> None:
        for number in range(5):
            await desk.refused(f"nobody-{number}", WRONG)
        assert await desk.count(ATTEMPTS) == 5
        rows = await desk.database.read(lambda connection: connection.execute(select(ATTEMPTS)).all())
        assert "nobody" not in str(rows)
        desk.clock.forward(61)
        await desk.refused("ann", WRONG)
        assert await desk.count(ATTEMPTS) == 1

    with_desk(tmp_path, test)


def test_more_logins_than_can_wait_are_sent_away(tmp_path: Path) -> None:
    """429 with Retry-After, at once; those who were there before are served, and then there is room again."""

    async def test(desk: Desk) -> None:
        results = await asyncio.gather(*(desk.passwords.hash(RIGHT) for _ in range(6)), return_exceptions=True)
        refused = [result for result in results if isinstance(result, Problem)]
        assert len(refused) == 3
        assert {(problem.status, problem.headers["retry-after"]) for problem in refused} == {(429, "1")}
        await desk.passwords.hash(RIGHT)

    with_desk(tmp_path, test, waiting=1)


def test_a_hash_that_nobody_waits_for_any_more_is_not_made(tmp_path: Path, operations: Operations) -> None:
    """Its caller left while it waited for its turn; it gives its place to the next."""

    async def test(desk: Desk) -> None:
        some_hash = await desk.passwords.hash(RIGHT)
        operations.reset()
        with deadlines.apply(Deadline.after(-1)), pytest.raises(Problem) as caught:
            await desk.passwords.matches(some_hash, RIGHT)
        assert (caught.value.status, operations.reset()) == (504, [])

    with_desk(tmp_path, test)


def test_hashing_does_not_stop_the_loop(tmp_path: Path) -> None:
    """While passwords are checked, the event loop goes round."""

    async def test(desk: Desk) -> None:
        working = asyncio.gather(*(desk.passwords.hash(RIGHT) for _ in range(4)))
        rounds = 0
        while not working.done():
            rounds += 1
            await asyncio.sleep(0)
        assert rounds > 100

    with_desk(tmp_path, test)


def test_nothing_secret_stands_in_the_database(tmp_path: Path) -> None:
    """Neither passwords nor refresh tokens."""

    async def test(desk: Desk) -> None:
        token = str((await desk.users.log_in("ann", RIGHT))["refresh_token"])

        def everything(connection: Connection) -> str:
            return str([connection.execute(select(table)).all() for table in SCHEMA.sorted_tables])

        content = await desk.database.read(everything)
        assert RIGHT not in content
        assert token not in content

    with_desk(tmp_path, test)


def test_accounts_are_listed_page_by_page_and_changed(tmp_path: Path) -> None:
    """All of them once, and never a hash."""

    async def test(desk: Desk) -> None:
        await desk.users.accounts.add([Account.new(f"n{i}", "N", "customer", "h") for i in range(10)])
        seen, cursor = list[str](), None
        while True:
            page, cursor = await desk.users.accounts.page(cursor, 4)
            seen += [account.name for account in page]
            if cursor is None:
                break
        assert sorted(seen) == sorted(["ann", *(f"n{i}" for i in range(10))])
        ann = await desk.users.accounts.named("ann")
        assert ann is not None
        renamed = await desk.users.accounts.rename(ann.id, "Änn")
        assert renamed is not None
        assert renamed.document()["display_name"] == "Änn"
        assert await desk.users.accounts.rename("acc_nobody", "N") is None
        assert await desk.users.accounts.find("acc_nobody") is None

    with_desk(tmp_path, test)


def test_demo_accounts_cost_one_hash_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of accounts, one hash; none when they are there already."""

    async def test(desk: Desk) -> None:
        hashed, hash_ = list[str](), desk.passwords.hash

        async def counted(password: str) -> str:
            hashed.append(password)
            return await hash_(password)

        monkeypatch.setattr(desk.passwords, "hash", counted)
        for _ in range(2):
            await demo.fill(desk.users.accounts, desk.passwords, 500)
        assert hashed == [demo.PASSWORD]
        assert await desk.count(ACCOUNTS) == 1 + 500 + 1
        for name in ("customer-1", "customer-500", demo.ADMINS_NAME):
            await desk.users.log_in(name, demo.PASSWORD)

    with_desk(tmp_path, test)
