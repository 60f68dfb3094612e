"""Row-level security on PostgreSQL, forced upon the tables' owner: who names no tenant sees no row.

It is for every table that has a column `tenant` by now. A table that a later migration adds is given its policy there,
in the same words; a test finds those that have none.
"""

from alembic import op

revision = "0014"
down_revision = "0013"

# Put together without `format`, for a percent sign is doubled on the way. The setting is asked for once for a query.
_ISOLATE = """
DO $$ DECLARE isolated RECORD; BEGIN
FOR isolated IN SELECT quote_ident(table_name) AS t, quote_ident(column_name) AS c FROM information_schema.columns
WHERE table_schema = current_schema()
AND (column_name = 'tenant' OR (table_name, column_name) = ('identity_tenants', 'id')) ORDER BY table_name LOOP
EXECUTE 'ALTER TABLE ' || isolated.t || ' ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY';
EXECUTE 'CREATE POLICY of_tenant ON ' || isolated.t || ' USING ((SELECT current_setting(''muelle.tenant'', true)) IN ('
|| isolated.c || ', ''*''))';
END LOOP; END $$"""
_JOIN = """
DO $$ DECLARE isolated RECORD; BEGIN
FOR isolated IN SELECT quote_ident(tablename) AS t FROM pg_policies
WHERE schemaname = current_schema() AND policyname = 'of_tenant' LOOP
EXECUTE 'DROP POLICY of_tenant ON ' || isolated.t;
EXECUTE 'ALTER TABLE ' || isolated.t || ' NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY';
END LOOP; END $$"""


def upgrade() -> None:
    """Isolate the tenants' rows."""
    if op.get_context().dialect.name == "postgresql":
        op.execute(_ISOLATE)


def downgrade() -> None:
    """Take the policies away."""
    if op.get_context().dialect.name == "postgresql":
        op.execute(_JOIN)
