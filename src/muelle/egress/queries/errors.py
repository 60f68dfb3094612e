"""What goes wrong with registered queries. Facts hold no value of a parameter, no SQL and no password."""

from muelle.core import Conflict, Invalid, NotFound, TooLarge, Unavailable, Upstream


class InvalidDatabase(Invalid):
    """The database cannot be registered as it is."""

    code = "invalid_database"


class InvalidQuery(Invalid):
    """The query cannot be registered as it is."""

    code = "invalid_query"


class InvalidQueryParameters(Invalid):
    """The parameters are not what the query takes."""

    code = "invalid_query_parameters"
    suggestions = ("Read what the query takes: 'muelle queries show ID'.",)


class DatabaseNotFound(NotFound):
    """There is no such database in this tenant."""

    code = "database_not_found"


class QueryNotFound(NotFound):
    """There is no such query in this tenant, or it is not yours to run."""

    code = "query_not_found"


class QueryExists(Conflict):
    """The tenant has a query or a database of that id already."""

    code = "query_exists"
    suggestions = ("Choose another id, or remove the one that is there.",)


class DatabaseInUse(Conflict):
    """Queries stand on this database."""

    code = "database_in_use"
    suggestions = ("Remove the queries that the error names first.",)


class TooManyQueries(TooLarge):
    """The tenant has as many as it may have."""

    code = "too_many_queries"


class RowsTooLarge(TooLarge):
    """What the query answers is larger than allowed."""

    code = "rows_too_large"
    suggestions = ("Ask for fewer columns or rows.",)


class QueryFailed(Upstream):
    """The database refused the query; `reason` is its error code."""

    code = "query_failed"
    recoverable = False
    suggestions = ("Ask an operator to check the query and what its database user may do.",)


class QueryTookTooLong(Upstream):
    """The query took longer than it may, and was ended."""

    code = "query_took_too_long"
    suggestions = ("Ask for less, or ask an operator for more time or an index.",)


class QueryDatabaseUnreachable(Unavailable):
    """The query's database cannot be reached."""

    code = "query_database_unreachable"
