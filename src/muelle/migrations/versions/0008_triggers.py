"""Triggers, what became of events at them, which calls of webhooks were taken before, and how deep chains of runs are.

Secrets of webhooks are in the vault's table. Times are microseconds since 1970 in UTC.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "triggers",
        _key("tenant"),
        _key("id"),
        _text("name"),
        _text("kind"),
        _number("enabled"),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("tenant", "name", name="triggers_name"),
    )
    epoch = op.create_table(
        "trigger_epoch", sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False), _number("epoch")
    )
    op.bulk_insert(epoch, [{"id": 1, "epoch": 0}])
    _deliveries()
    op.create_table(
        "trigger_receipts",
        _key("tenant"),
        _key("trigger_id"),
        _key("mark"),
        _text("event"),
        _text("run"),
        _number("at"),
    )
    op.create_index("trigger_receipts_at", "trigger_receipts", ["at"])
    op.create_table("trigger_depths", _key("tenant"), _key("run"), _number("depth"), _number("at"))
    op.create_index("trigger_depths_at", "trigger_depths", ["at"])


def downgrade() -> None:
    """Drop the tables."""
    for table in ("trigger_depths", "trigger_receipts", "trigger_deliveries", "trigger_epoch", "triggers"):
        op.drop_table(table)


def _deliveries() -> None:
    op.create_table(
        "trigger_deliveries",
        _key("tenant"),
        _key("trigger_id"),
        _key("event"),
        # By bytes on every database, for pages and what is forgotten go by it.
        sa.Column("id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        _text("type"),
        _number("at"),
        _text("outcome"),
        _text("reason"),
        sa.Column("run", sa.Text),
        _number("attempts"),
        sa.Column("body", sa.LargeBinary),
    )
    op.create_index("trigger_deliveries_id", "trigger_deliveries", ["tenant", "trigger_id", "id"])


def _key(name: str) -> "sa.Column[str]":
    return sa.Column(name, sa.Text, primary_key=True)


def _text(name: str) -> "sa.Column[str]":
    return sa.Column(name, sa.Text, nullable=False)


def _number(name: str) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger, nullable=False)
