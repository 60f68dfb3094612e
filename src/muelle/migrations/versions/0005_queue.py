"""The queue, the packed journal, the outbox and waits. Times are microseconds since 1970 in UTC."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_FREE = "worker IS NULL AND state = 'ready'"


def upgrade() -> None:
    """Make runs resumable: steps are packed into the journal, runs that have not ended are in jobs."""
    op.drop_table("steps")
    op.add_column("plans", _number("used"))
    _extend_runs()
    op.create_table(
        "journal",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("run", sa.Text, primary_key=True),
        sa.Column("sequence", sa.BigInteger, primary_key=True),  # of the first of these entries within the run
        sa.Column("entries", sa.LargeBinary, nullable=False),
    )
    _create_workers()
    _create_jobs()
    _create_keys()
    _create_events()
    _create_waits()


def _number(name: str, *, nullable: bool = False, default: str | None = "0") -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger, nullable=nullable, server_default=None if nullable else default)


def _text(name: str, default: str = "") -> "sa.Column[str]":
    return sa.Column(name, sa.Text, nullable=False, server_default=default)


def _extend_runs() -> None:
    for column in (_text("kind", "workflow"), _text("cause"), _text("version")):
        op.add_column("runs", column)
    for name in ("began", "deadline"):
        op.add_column("runs", _number(name, nullable=True))
    op.add_column("runs", _number("takeovers"))
    op.create_index("runs_by_workflow", "runs", ["tenant", "workflow", "started", "run"])
    # Who asks for an agent's runs of one workflow may ask for few among very many of either.
    op.create_index("runs_by_both", "runs", ["tenant", "principal", "workflow", "started", "run"])
    caused = sa.text("cause <> ''")
    op.create_index(
        "runs_by_cause", "runs", ["tenant", "cause", "started", "run"], sqlite_where=caused, postgresql_where=caused
    )
    if op.get_context().dialect.name == "postgresql":
        # All these indexes begin with the tenant and have the run. While the table is new PostgreSQL knows nothing of
        # what is in it, believes them equally good to find one run by, and takes the newest: so let that be the key's.
        # Any other reads all runs of the tenant: 170 us an update after 5,000 runs, and more with each.
        op.execute("ALTER TABLE runs DROP CONSTRAINT runs_pkey, ADD PRIMARY KEY (tenant, run)")


def _create_workers() -> None:
    op.create_table(
        "workers",
        sa.Column("worker", sa.Text, primary_key=True),
        _text("name"),
        _text("queues"),
        _number("places"),
        _number("started"),
        _number("deadline"),
        _number("alive", default="1"),
    )
    # Nothing is ever in it: an insert by a worker that is not alive violates the constraint, and its batch fails.
    op.create_table("fences", sa.Column("alive", sa.BigInteger), sa.CheckConstraint("alive = 1", name="fence_alive"))


def _create_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("run", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("priority", sa.BigInteger, nullable=False),
        sa.Column("run_at", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),  # ready, sleeping, paused, dead
        sa.Column("worker", sa.Text),
        _number("epoch"),
        _text("request"),  # "", cancel, pause
        _number("nudged"),
        _number("takeovers"),
        _number("failures"),
        _number("claimed", nullable=True),
        _number("is_keyed"),
        _text("concurrency_key"),
        _number("concurrency"),
        _text("rate_key"),
        _number("rate"),
        _number("rate_micros"),
    )
    _index_jobs("jobs_ready", ["is_keyed", "queue", "tenant", "priority", "run_at", "run"], _FREE)
    _index_jobs("jobs_sleeping", ["run_at"], "state = 'sleeping'")
    _index_jobs("jobs_held", ["worker"], "worker IS NOT NULL")
    _index_jobs("jobs_dead", ["tenant", "run"], "state = 'dead'")
    _index_jobs("jobs_by_key", ["tenant", "concurrency_key"], "concurrency_key <> '' AND worker IS NOT NULL")


def _index_jobs(name: str, columns: list[str], where: str) -> None:
    op.create_index(name, "jobs", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _create_keys() -> None:
    op.create_table(
        "limit_keys",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        _number("used"),
        _number("since"),
        _number("paused_until"),
    )
    op.create_table(
        "submissions",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("principal", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_index("submissions_by_age", "submissions", ["at"])


def _create_events() -> None:
    op.create_table(
        "events",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )
    if op.get_context().dialect.name == "postgresql":
        # Ids are given before commits: read by id alone, what commits late is never seen. So the transaction counts.
        op.execute("ALTER TABLE events ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id()")
        op.execute("CREATE INDEX events_in_order ON events (xid, position)")
    op.create_table(
        "cursors",
        sa.Column("consumer", sa.Text, primary_key=True),
        _text("xid", "0"),
        _number("position"),
        _text("holder"),
        _number("held_until"),
    )


def _create_waits() -> None:
    op.create_table(
        "waits",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("run", sa.Text, primary_key=True),
        sa.Column("place", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),  # approval, event
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),  # open, answered, closed
        sa.Column("answer", sa.LargeBinary),
        _text("answered_by"),
        _number("answered_at", nullable=True),
    )
    opened = sa.text("state = 'open'")
    op.create_index(
        "waits_open", "waits", ["tenant", "kind", "created", "run"], sqlite_where=opened, postgresql_where=opened
    )


def downgrade() -> None:
    """Drop them; the steps of earlier runs are gone, their runs stay."""
    for table in ("waits", "cursors", "events", "submissions", "limit_keys", "jobs", "fences", "workers", "journal"):
        op.drop_table(table)
    for index in ("runs_by_cause", "runs_by_both", "runs_by_workflow"):
        op.drop_index(index, "runs")
    for column in ("takeovers", "deadline", "began", "version", "cause", "kind"):
        op.drop_column("runs", column)
    op.drop_column("plans", "used")
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
