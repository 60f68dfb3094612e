"""Alembic's entry: renders migrations to SQL. `muelle.stores.schema` runs that SQL on the plain driver, under a lock.

`config.attributes` holds the dialect's name and what takes the statements; there is no connection here, so a migration
may not look at the database: it is written in DDL and SQL that both dialects understand.
"""

from alembic import context

context.configure(
    dialect_name=context.config.attributes["dialect"],
    output_buffer=context.config.attributes["statements"],
    transactional_ddl=False,  # the caller's transaction is around all of it
    literal_binds=True,
)
context.run_migrations()
