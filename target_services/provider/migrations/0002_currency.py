"""Charges with a currency and the digest of their request."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("charges", sa.Column("digest", sa.String, nullable=False, server_default=""))
    op.add_column("charges", sa.Column("currency", sa.String, nullable=False, server_default="EUR"))
