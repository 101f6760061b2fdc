"""The saga log, and orders with a currency. Orders under way get the log that they would have."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

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
