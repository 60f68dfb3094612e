"""What most runs remember is short: it stands beside the run, and costs no row of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the column."""
    op.add_column("runs", sa.Column("entries", sa.LargeBinary))


def downgrade() -> None:
    """Move what stands there into the journal, and drop the column."""
    op.execute(
        "INSERT INTO journal (tenant, run, sequence, entries) "
        "SELECT tenant, run, 0, entries FROM runs WHERE entries IS NOT NULL"
    )
    op.drop_column("runs", "entries")
