"""Tables of the engine: plans, runs and steps. Times are microseconds since 1970 in UTC."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "plans",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("plan", sa.Text, primary_key=True),
        sa.Column("document", sa.LargeBinary, nullable=False),
    )
    _create_runs()
    op.create_table(
        "steps",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("run", sa.Text, primary_key=True),
        sa.Column("sequence", sa.BigInteger, primary_key=True),
        sa.Column("operation", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("iteration", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("took", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.BigInteger, nullable=False),
        sa.Column("cached", sa.BigInteger, nullable=False),
        sa.Column("output", sa.LargeBinary),
        sa.Column("error", sa.LargeBinary),
    )


# With rowids on SQLite, though keys are text: wide rows are appended, only their narrow keys are sorted (ADR 0003).
def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("run", sa.Text, primary_key=True),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("workflow", sa.Text, nullable=False),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("inputs", sa.LargeBinary, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("started", sa.BigInteger, nullable=False),
        sa.Column("finished", sa.BigInteger),
        sa.Column("took", sa.BigInteger),
        sa.Column("succeeded", sa.BigInteger, nullable=False),
        sa.Column("failed", sa.BigInteger, nullable=False),
        sa.Column("skipped", sa.BigInteger, nullable=False),
        sa.Column("error", sa.LargeBinary),
    )
    op.create_index("runs_by_start", "runs", ["tenant", "started", "run"])
    # Most runs succeed and are found by their start; an index of the others is short, and rarely written to.
    others = sa.text("status <> 'success'")
    columns = ["tenant", "status", "started", "run"]
    op.create_index("runs_by_status", "runs", columns, sqlite_where=others, postgresql_where=others)
    op.create_index("runs_by_principal", "runs", ["tenant", "principal", "started", "run"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("steps")
    op.drop_table("runs")
    op.drop_table("plans")
