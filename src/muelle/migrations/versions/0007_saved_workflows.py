"""Tables of saved workflows: heads, releases, what was published under each, and every change.

Heads, releases and changes are JSON, contents msgpack: they are read whole, and asked for by nothing but their keys
and, of heads, by a search through one text.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_TABLES = ("saved", "versions", "contents", "changes")


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "workflows_saved",
        sa.Column("tenant", sa.Text, primary_key=True),
        # By bytes on every database, so that pages come in one order and no name comes twice.
        sa.Column("name", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), primary_key=True),
        sa.Column("searched", sa.Text, nullable=False),
        sa.Column("head", sa.LargeBinary, nullable=False),
    )
    for table, column in (("versions", "release"), ("contents", "content")):
        op.create_table(
            f"workflows_{table}",
            sa.Column("tenant", sa.Text, primary_key=True),
            sa.Column("workflow", sa.Text, primary_key=True),
            sa.Column("version", sa.Text, primary_key=True),
            sa.Column(column, sa.LargeBinary, nullable=False),
        )
    op.create_table(
        "workflows_changes",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("workflow", sa.Text, primary_key=True),
        sa.Column("revision", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("entry", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    """Drop them."""
    for table in _TABLES:
        op.drop_table(f"workflows_{table}")
