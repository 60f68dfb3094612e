"""What can be searched: entries of each tenant, the words they are found by, and documents of knowledge bases.

On SQLite the words stand in a full-text table beside the entries, on PostgreSQL in a column of theirs. Keys grow and
are never used again, so that an index of vectors knows what is new by the last one that it has seen.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

_TABLES = ("search_entries", "search_tenants", "search_sources", "knowledge_documents")
_SETTING = "(SELECT current_setting('muelle.tenant', true))"


def upgrade() -> None:
    """Create them."""
    op.create_table("search_counter", sa.Column("last", sa.BigInteger, nullable=False))
    op.execute("INSERT INTO search_counter (last) VALUES (0)")
    op.create_table(
        "search_entries",
        sa.Column("key", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("sights", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("search_entries_by_id", "search_entries", ["tenant", "kind", "id"], unique=True)
    op.create_index("search_entries_by_source", "search_entries", ["tenant", "source"])
    op.create_index("search_entries_by_key", "search_entries", ["tenant", "key"])
    op.create_table(
        "search_tenants",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.Column("removed", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "search_sources",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("mark", sa.Text, nullable=False),
    )
    op.create_table(
        "knowledge_documents",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("base", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("content_type", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("parts", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
    )
    op.create_index("knowledge_documents_by_base", "knowledge_documents", ["tenant", "base", "id"])
    _words()


def _words() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER TABLE search_entries ADD COLUMN words tsvector")
        op.execute("CREATE INDEX search_entries_by_words ON search_entries USING gin (words)")
        for table in _TABLES:
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
            op.execute(f"CREATE POLICY of_tenant ON {table} USING ({_SETTING} IN (tenant, '*'))")
        return
    op.execute("CREATE VIRTUAL TABLE search_words USING fts5(place, title, tags, body, tokenize = 'unicode61')")
    op.execute("CREATE VIRTUAL TABLE search_vocabulary USING fts5vocab('search_words', 'row')")


def downgrade() -> None:
    """Drop them."""
    if op.get_context().dialect.name != "postgresql":
        op.execute("DROP TABLE search_vocabulary")
        op.execute("DROP TABLE search_words")
    for table in (*_TABLES, "search_counter"):
        op.drop_table(table)
