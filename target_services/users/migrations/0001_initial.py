"""Accounts, attempts to log in, refresh tokens with their families, and the keys that tokens are signed with."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False, unique=True),
        sa.Column("display_name", sa.String, nullable=False),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("password_hash", sa.String, nullable=False),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
    )
    op.create_index("accounts_by_age", "accounts", ["created_ns", "id"])
    op.create_table(
        "login_attempts",
        sa.Column("name_digest", sa.String, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("since_ns", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_login_attempts_since_ns", "login_attempts", ["since_ns"])
    op.create_table(
        "token_families",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("account_id", sa.String, sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("revoked", sa.Boolean, nullable=False),
        sa.Column("expires_ns", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_token_families_account_id", "token_families", ["account_id"])
    op.create_index("ix_token_families_expires_ns", "token_families", ["expires_ns"])
    op.create_table(
        "refresh_tokens",
        sa.Column("digest", sa.String, primary_key=True),
        sa.Column("family_id", sa.String, sa.ForeignKey("token_families.id"), nullable=False),
        sa.Column("used", sa.Boolean, nullable=False),
    )
    op.create_index("ix_refresh_tokens_family_id", "refresh_tokens", ["family_id"])
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.String, primary_key=True),
        sa.Column("private_pem", sa.Text, nullable=False),
        sa.Column("signs_from_ns", sa.BigInteger, nullable=False),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
    )
