"""The saga log, the outbox, and orders with a currency. Orders under way get the log that they would have."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_UNDER_WAY = {
    ("reserve", "asked"): "NOT final",
    ("reserve", "done"): "state IN ('reserved', 'paid', 'compensating')",
    ("pay", "asked"): "state IN ('reserved', 'paid', 'compensating')",
    ("pay", "done"): "state = 'paid'",
    ("pay", "refused"): "state = 'compensating' AND reason = 'payment-declined'",
    ("confirm", "asked"): "state = 'paid'",
}


def upgrade() -> None:
    op.add_column("orders", sa.Column("currency", sa.String, nullable=False, server_default="EUR"))
    op.create_index("orders_by_customer", "orders", ["customer", "created_ns", "id"])
    op.create_table(
        "saga_log",
        sa.Column("order_id", sa.String, sa.ForeignKey("orders.id"), primary_key=True),
        sa.Column("step", sa.String, primary_key=True),
        sa.Column("direction", sa.String, primary_key=True),
        sa.Column("state", sa.String, primary_key=True),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    for (step, state), where in _UNDER_WAY.items():
        op.execute(
            f"INSERT INTO saga_log SELECT id, '{step}', 'do', '{state}', created_ns FROM orders"
            f" WHERE NOT final AND {where}"
        )
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "outbox",
        sa.Column("position", number, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String, nullable=False, unique=True),
        sa.Column("topic", sa.String, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("headers", sa.Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("due_ns", sa.BigInteger, nullable=False),
        sa.Column("parked", sa.Text),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
    )
    op.create_index("outbox_by_key", "outbox", ["key", "position"])
    op.create_table(
        "leases",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("beat", sa.BigInteger, nullable=False),
    )
