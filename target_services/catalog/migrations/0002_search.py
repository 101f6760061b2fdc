"""What products are searched by. Rows that are there get it from the price list, when the service starts."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("products", sa.Column("category", sa.String, nullable=False, server_default=""))
    op.add_column("products", sa.Column("material", sa.String, nullable=False, server_default=""))
    op.create_index("products_by_category", "products", ["category"])
    op.create_index("products_by_price", "products", ["price_cents", "id"])
