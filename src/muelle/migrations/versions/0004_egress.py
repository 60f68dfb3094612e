"""Tables of egress: Apis and credentials; the credentials' secrets are in the vault's table."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create them."""
    for table in ("egress_apis", "egress_credentials"):
        op.create_table(
            table,
            sa.Column("tenant", sa.Text, primary_key=True),
            sa.Column("id", sa.Text, primary_key=True),
            sa.Column("document", sa.LargeBinary, nullable=False),
        )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("egress_credentials")
    op.drop_table("egress_apis")
