"""Orders, and the answers to their keys."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "orders",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("key", sa.String, nullable=False, unique=True),
        sa.Column("customer", sa.String, nullable=False),
        sa.Column("product_id", sa.Integer, nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("total_cents", sa.Integer, nullable=False),
        sa.Column("card", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("queued", sa.Boolean, nullable=False),
        sa.Column("reason", sa.String),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("traceparent", sa.String),
        sa.Column("run_id", sa.String),
        sa.Column("final", sa.Boolean, nullable=False),
        sa.Column("lease_owner", sa.String),
        sa.Column("due_ns", sa.BigInteger, nullable=False),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
    )
    op.create_index("orders_by_due", "orders", ["final", "due_ns"])
    op.create_index("orders_by_age", "orders", ["created_ns", "id"])
    op.create_table(
        "answers",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("body", sa.Text),
    )
