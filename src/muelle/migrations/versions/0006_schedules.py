"""Schedules: what is said of each by people is one document, how far it has come is columns. Times are microseconds."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create them."""
    times = ("next_at", "wake_at", "waiting_at", "last_at")
    op.create_table(
        "schedules",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.BigInteger) for name in times),
        sa.Column("last_run", sa.Text),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("claim", sa.Text, nullable=False),  # whose turn it is to submit what is due, and until when
        sa.Column("claimed_until", sa.BigInteger, nullable=False),
    )
    awake = sa.text("wake_at IS NOT NULL")
    op.create_index("schedules_by_wake", "schedules", ["wake_at"], sqlite_where=awake, postgresql_where=awake)


def downgrade() -> None:
    """Drop them."""
    op.drop_table("schedules")
