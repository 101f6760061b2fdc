"""Stock, and reservations of it."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "stock",
        sa.Column("product_id", sa.Integer, primary_key=True),
        sa.Column("on_hand", sa.Integer, nullable=False),
        sa.Column("reserved", sa.Integer, nullable=False),
        sa.Column("sold", sa.Integer, nullable=False),
    )
    op.create_table(
        "reservations",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("product_id", sa.Integer, nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("expires_ns", sa.BigInteger, nullable=False),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
    )
    op.create_index("reservations_by_age", "reservations", ["created_ns", "id"])
    op.create_index("reservations_by_expiry", "reservations", ["state", "expires_ns"])
