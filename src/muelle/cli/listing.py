"""Options of commands that list, and reading a list that comes in pages."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from muelle.identity import Page

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
PAGE = 500  # the most items of one page, everywhere


def paged(command: F) -> F:
    """Give a command `--limit` and `--cursor`."""
    limit = click.option("--limit", type=click.IntRange(1, PAGE), default=100, help="How many at most.")
    cursor = click.option("--cursor", metavar="TEXT", help="Go on after the page that gave this cursor.")
    return limit(cursor(command))


def within(command: F) -> F:
    """Give a command `--since` and `--until`."""
    since = click.option("--since", metavar="TIME", help="From this time on: ISO 8601, or how long ago: 30m, 12h, 7d.")
    until = click.option("--until", metavar="TIME", help="Before this time, written alike.")
    return since(until(command))


async def every(page_of: "Callable[[int, str | None], Awaitable[Page[T]]]") -> AsyncIterator[T]:
    """Yield all items of a list, page by page."""
    cursor: str | None = None
    while True:
        page = await page_of(PAGE, cursor)
        for item in page.items:
            yield item
        if page.next is None:
            return
        cursor = page.next
