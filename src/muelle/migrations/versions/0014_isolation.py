"""Row-level security on PostgreSQL, forced upon the tables' owner: who names no tenant sees no row.

A table that a later migration adds has to be given its policy there, by `isolate`; a test finds those that have none.
"""

from alembic import op

revision = "0014"
down_revision = "0013"

_TABLES = """
    key_values secrets runs plans journal jobs events waits submissions limit_keys schedules
    identity_agents identity_keys identity_grants identity_acts identity_seals identity_cuts identity_roles
    identity_domains identity_members identity_limits users user_sessions user_tickets user_logins
    egress_apis egress_credentials egress_definitions vault_keys credential_uses
    triggers trigger_deliveries trigger_depths trigger_receipts
    workflows_saved workflows_versions workflows_contents workflows_changes
""".split()  # noqa: SIM905 - thirty names are easier to read so
_SETTING = "(SELECT current_setting('muelle.tenant', true))"  # asked once for a query, not for each row


def isolate(table: str, column: str = "tenant") -> None:
    """Let a session see only the rows of the tenant that it names, `*` for all."""
    if op.get_context().dialect.name != "postgresql":
        return
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY of_tenant ON {table} USING ({_SETTING} IN ({column}, '*'))")


def upgrade() -> None:
    """Isolate the tenants' rows."""
    isolate("identity_tenants", "id")
    for table in _TABLES:
        isolate(table)


def downgrade() -> None:
    """Take the policies away."""
    if op.get_context().dialect.name != "postgresql":
        return
    for table in ("identity_tenants", *_TABLES):
        op.execute(f"DROP POLICY of_tenant ON {table}")
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY")
