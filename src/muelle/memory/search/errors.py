"""What can be wrong with a search."""

from muelle.core import Invalid


class InvalidQuery(Invalid):
    """That cannot be searched for."""

    code = "invalid_query"
    suggestions = ("Ask in a sentence or a few words, for as many answers as the error allows.",)
