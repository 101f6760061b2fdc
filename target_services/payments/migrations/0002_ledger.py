"""The ledger, with what was captured and refunded so far, and captures with a currency and their request's digest."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_CAPTURE = (
    (1, "customer-receivable", 1),
    (2, "revenue", -1),
    (3, "provider-clearing", 1),
    (4, "customer-receivable", -1),
)
_REFUND = (
    (1, "refunds", 1),
    (2, "customer-receivable", -1),
    (3, "customer-receivable", 1),
    (4, "provider-clearing", -1),
)


def upgrade() -> None:
    op.add_column("captures", sa.Column("digest", sa.String, nullable=False, server_default=""))
    op.add_column("captures", sa.Column("currency", sa.String, nullable=False, server_default="EUR"))
    op.create_index("captures_by_state", "captures", ["state", "created_ns"])
    op.create_table(
        "ledger",
        sa.Column("transaction_id", sa.String, primary_key=True),
        sa.Column("line", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("amount_cents", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String, nullable=False),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.CheckConstraint("amount_cents <> 0", name="ledger_moves_something"),
        sqlite_with_rowid=False,
    )
    _book("capture", _CAPTURE, "state IN ('captured', 'refunded')")
    _book("refund", _REFUND, "state = 'refunded'")


def _book(what: str, entries: tuple[tuple[int, str, int], ...], where: str) -> None:
    for line, account, sign in entries:
        op.execute(
            f"INSERT INTO ledger SELECT id || '-{what}', {line}, '{account}', {sign} * amount_cents,"
            f" currency, created_ns FROM captures WHERE {where}"
        )
