"""Tables of payments. A capture and its entries in the ledger are changed in one transaction."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, MetaData, String, Table

SCHEMA = MetaData()

CAPTURES = Table(
    "captures",
    SCHEMA,
    Column("id", String, primary_key=True),
    Column("key", String, nullable=False, index=True),
    Column("charge_key", String, nullable=False, unique=True),
    Column("digest", String, nullable=False, server_default="", doc="of the request that the key belongs to"),
    Column("amount_cents", Integer, nullable=False),
    Column("currency", String, nullable=False, server_default="EUR"),
    Column("order_id", String, nullable=False),
    Column("state", String, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Index("captures_by_age", "created_ns", "id"),
    Index("captures_by_state", "state", "created_ns"),
)

LEDGER = Table(
    "ledger",
    SCHEMA,
    Column("transaction_id", String, primary_key=True),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("account", String, nullable=False),
    Column("amount_cents", BigInteger, nullable=False, doc="a debit is above zero, a credit below"),
    Column("currency", String, nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    CheckConstraint("amount_cents <> 0", name="ledger_moves_something"),
    sqlite_with_rowid=False,  # the key is all there is to find an entry by
)
