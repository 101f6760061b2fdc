"""Captures in the database, and what each change of one means for the ledger."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass, replace

from sqlalchemy import Connection, bindparam, func, literal, or_, select, tuple_

from target_services.chassis import audit
from target_services.chassis.audit import Row, nothing, pages
from target_services.chassis.bugs import Bug, is_planted
from target_services.chassis.database import Database
from target_services.payments import ledger
from target_services.payments.ledger import Account
from target_services.payments.tables import CAPTURES, LEDGER

FARTHEST_NS = 60_000_000_000
"""What was created later than so far from now was written before the clock went back."""


@dataclass(frozen=True, slots=True)
class Capture:
    """A capture as it is stored. `state`: pending, captured, declined, refunded or voided.

    `charge_key` is the key under which the provider knows it: that of the request. A voided capture has taken no
    money and never will; it may have been made only to say so, and then has no amount.
    """

    id: str
    key: str
    charge_key: str
    digest: str
    amount_cents: int
    currency: str
    order_id: str
    state: str
    created_ns: int


class KeyReused(Exception):
    """The key belongs to another capture."""


class CaptureStore:
    """All access to the tables, and the account that payments gives of itself."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._insert = database.insert(CAPTURES).on_conflict_do_nothing()

    async def begin(self, key: str, digest: str, order_id: str, amount_cents: int, currency: str) -> Capture:
        """Write down that money is about to be taken, or return what became of this key before."""
        new_id = _new_id()
        charge_key = new_id if is_planted(Bug.IDEMPOTENCY_IGNORED) else key
        capture = await self._keep(
            Capture(new_id, key, charge_key, digest, amount_cents, currency, order_id, "pending", time.time_ns())
        )
        if capture.digest not in (digest, _NO_REQUEST):
            raise KeyReused(key)
        return capture

    async def fence(self, key: str) -> Capture:
        """Return the capture of a key. If there is none, make one that is voided: a late request finds it."""
        known = await self.find(key)
        if known is not None:
            return known
        return await self._keep(Capture(_new_id(), key, key, _NO_REQUEST, 0, "", "", "voided", time.time_ns()))

    async def settle(self, capture: Capture, state: str) -> Capture:
        """Write down what the provider has told, with what it means for the ledger.

        Whoever is second changes nothing, and gets what the first one has found; but money that the provider has
        given back is given back here, too, when the first one has only heard that it was taken.
        """

        def change(connection: Connection) -> Capture:
            seen = capture
            while connection.execute(_SETTLE, {"of": seen.id, "seen": seen.state, "now": state}).rowcount != 1:
                seen = Capture(*connection.execute(_BY_ID, {"of": capture.id}).one())
                if (seen.state, state) != ("captured", "refunded"):
                    return seen
            if seen.state == "pending" and state in ("captured", "refunded"):
                taken = ledger.capture(capture.amount_cents, capture.currency)
                ledger.post(connection, f"{capture.id}-capture", taken)
            if state == "refunded":
                given_back = ledger.refund(capture.amount_cents, capture.currency)
                ledger.post(connection, f"{capture.id}-refund", given_back)
            return replace(seen, state=state)

        return await self._db.write(change)

    async def find(self, key: str) -> Capture | None:
        """Return the capture of a key, if there is one."""
        row = await self._db.read(lambda connection: connection.execute(_BY_KEY, {"of": key}).one_or_none())
        return Capture(*row) if row is not None else None

    async def left_pending(self, since_ns: int, most: int, *, after: tuple[int, str] | None = None) -> list[Capture]:
        """Return captures that have been pending since a moment or longer, the oldest first.

        `after`: only those that come after the one with this stamp and this id.
        """
        order = created_ns, _ = CAPTURES.c.created_ns, CAPTURES.c.id
        long_ago = or_(created_ns <= since_ns, created_ns > time.time_ns() + FARTHEST_NS)
        query = _CAPTURE.where(CAPTURES.c.state == "pending", long_ago).order_by(*order).limit(most)
        if after is not None:
            query = query.where(tuple_(*order) > after)
        return [Capture(*row) for row in await self._db.read(lambda connection: connection.execute(query).all())]

    async def _keep(self, new: Capture) -> Capture:
        def store(connection: Connection) -> Capture:
            connection.execute(self._insert, asdict(new))
            return Capture(*connection.execute(_BY_CHARGE_KEY, {"of": new.charge_key}).one())

        return await self._db.write(store)

    def records(self, since_ns: int) -> AsyncIterator[list[Row]]:
        """Yield nothing: a capture is a means, the order is what was promised."""
        return nothing(since_ns)

    def effects(self, since_ns: int) -> AsyncIterator[list[Row]]:
        """Yield every capture that took money, also where it was given back."""
        kind = literal("capture").label("kind")
        query = select(kind, CAPTURES.c.key, CAPTURES.c.id, CAPTURES.c.state, CAPTURES.c.created_ns)
        taken = query.where(CAPTURES.c.state.in_(("captured", "refunded")))
        return pages(self._db, taken, CAPTURES.c.created_ns, CAPTURES.c.id, since_ns)

    async def pending(self) -> int:
        """Return how many captures have no answer of the provider yet."""
        count = select(func.count()).select_from(CAPTURES).where(CAPTURES.c.state == "pending")
        return await self._db.read(lambda connection: int(connection.execute(count).scalar_one()))

    async def totals(self) -> Mapping[str, int]:
        """Return what the ledger says: taken, given back, and the sum of all entries, which is 0."""
        amount, account = LEDGER.c.amount_cents, LEDGER.c.account
        return await audit.totals(
            self._db,
            captured_cents=-func.sum(amount).filter(account == Account.REVENUE),
            refunded_cents=func.sum(amount).filter(account == Account.REFUNDS),
            ledger_cents=func.sum(amount),
        )


_NO_REQUEST = ""
"""Stands where the digest of a request would be: nothing was asked for yet, or before digests were kept."""

_CAPTURE = select(*(CAPTURES.c[name] for name in Capture.__dataclass_fields__))
_BY_ID = _CAPTURE.where(CAPTURES.c.id == bindparam("of"))
_BY_KEY = _CAPTURE.where(CAPTURES.c.key == bindparam("of")).order_by(CAPTURES.c.created_ns).limit(1)
_BY_CHARGE_KEY = _CAPTURE.where(CAPTURES.c.charge_key == bindparam("of"))
_SETTLE = (
    CAPTURES.update()
    .where(CAPTURES.c.id == bindparam("of"), CAPTURES.c.state == bindparam("seen"))
    .values(state=bindparam("now"))
)


def _new_id() -> str:
    return f"cap_{uuid.uuid4().hex[:16]}"
