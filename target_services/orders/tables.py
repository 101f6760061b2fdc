"""Tables of orders. An order, its log, its answer and its outbox row are changed in one transaction."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, MetaData, String, Table

from target_services.chassis.idempotency import answers_table
from target_services.chassis.lease import lease_table
from target_services.chassis.outbox import outbox_table

SCHEMA = MetaData()

ORDERS = Table(
    "orders",
    SCHEMA,
    Column("id", String, primary_key=True),
    Column("key", String, nullable=False, unique=True),
    Column("customer", String, nullable=False),
    Column("product_id", Integer, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("total_cents", Integer, nullable=False),
    Column("currency", String, nullable=False, server_default="EUR"),
    Column("card", String, nullable=False),
    Column("state", String, nullable=False),
    Column("queued", Boolean, nullable=False),
    Column("reason", String),
    Column("tries", Integer, nullable=False),
    Column("traceparent", String),
    Column("run_id", String),
    Column("final", Boolean, nullable=False),
    Column("lease_owner", String),
    Column("due_ns", BigInteger, nullable=False, doc="the worker may take it up from this wall time on"),
    Column("created_ns", BigInteger, nullable=False),
    Index("orders_by_due", "final", "due_ns"),
    Index("orders_by_age", "created_ns", "id"),
    Index("orders_by_customer", "customer", "created_ns", "id"),
)

SAGA_LOG = Table(
    "saga_log",
    SCHEMA,
    Column("order_id", String, ForeignKey("orders.id"), primary_key=True),
    Column("step", String, primary_key=True),
    Column("direction", String, primary_key=True),
    Column("state", String, primary_key=True),
    Column("at_ns", BigInteger, nullable=False),
    sqlite_with_rowid=False,  # the key is all there is to find a line by
)

ANSWERS = answers_table(SCHEMA)

OUTBOX = outbox_table(SCHEMA)
LEASES = lease_table(SCHEMA)
