"""Users, their sessions and tickets, the keys that sign tokens; what a key of an agent is confined to.

Times are microseconds since 1970 in UTC. What opens something (a refresh token, a ticket, a recovery code) is kept as
SHA-256 in hex, a password as argon2id; private keys and secrets of second factors are in the vault.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Create the tables."""
    op.add_column("identity_keys", sa.Column("rules", sa.Text))
    _token_keys()
    _sessions()
    _users()
    _tickets()
    op.create_table(
        "user_mails",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("due", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Drop them."""
    for table in (
        "user_mails",
        "user_attempts",
        "user_tickets",
        "user_recovery_codes",
        "user_logins",
        "user_passkeys",
        "users",
        "user_refresh_tokens",
        "user_sessions",
        "token_keys",
    ):
        op.drop_table(table)
    op.drop_column("identity_keys", "rules")


def _token_keys() -> None:
    op.create_table(
        "token_keys",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("algorithm", sa.Text, nullable=False),
        sa.Column("public", sa.Text, nullable=False),  # as a JWK
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("signs_from", sa.BigInteger, nullable=False),
        sa.Column("verifies_until", sa.BigInteger),
    )


def _sessions() -> None:
    op.create_table(
        "user_sessions",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("used", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("revoked", sa.BigInteger),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_index("user_sessions_by_principal", "user_sessions", ["principal", "id"])
    op.create_table(
        "user_refresh_tokens",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("session", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("used", sa.BigInteger),
    )
    op.create_index("user_refresh_tokens_by_session", "user_refresh_tokens", ["session"])


def _users() -> None:
    op.create_table(
        "users",
        sa.Column("principal", sa.Text, primary_key=True),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),  # in small letters
        sa.Column("verified", sa.BigInteger),
        sa.Column("password", sa.Text),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("second_factor", sa.BigInteger),  # since when a code is asked for
        sa.Column("second_step", sa.BigInteger, nullable=False),  # of the last code that was taken: none opens twice
        sa.UniqueConstraint("tenant", "email", name="users_by_email"),
    )
    op.create_index("users_by_name", "users", ["tenant", "name"], unique=True)
    op.create_table(
        "user_recovery_codes",
        sa.Column("principal", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, primary_key=True),
    )
    op.create_table(
        "user_passkeys",
        sa.Column("id", sa.Text, primary_key=True),  # as its device calls it, in base64url
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("public", sa.LargeBinary, nullable=False),  # a COSE key
        sa.Column("uses", sa.BigInteger, nullable=False),  # as its device counts them
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("used", sa.BigInteger),
    )
    op.create_index("user_passkeys_by_principal", "user_passkeys", ["principal", "id"])
    op.create_table(
        "user_logins",  # who a user is at a provider
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("issuer", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
    )


def _tickets() -> None:
    op.create_table(
        "user_tickets",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("used", sa.BigInteger),
    )
    op.create_index("user_tickets_by_principal", "user_tickets", ["principal", "kind"])
    op.create_table(
        "user_attempts",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("failures", sa.BigInteger, nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.Column("locked_until", sa.BigInteger, nullable=False),
    )
