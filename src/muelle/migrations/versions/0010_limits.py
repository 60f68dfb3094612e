"""Limits that differ from the defaults, for a principal or a tenant: `rate` is JSON, `era` counts resets."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "identity_limits",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("rate", sa.Text, nullable=False),
        sa.Column("era", sa.BigInteger, nullable=False),
    )
    op.create_index("identity_limits_by_principal", "identity_limits", ["tenant", "principal"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("identity_limits")
