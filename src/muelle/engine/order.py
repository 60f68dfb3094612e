"""How a job is to be done, and what of it cannot be."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

from muelle.engine.errors import InvalidJob

LONGEST_KEY = 255  # characters
MOST_AT_ONCE = 100_000
LONGEST_RATE = 30 * 86_400  # seconds
MOST_AHEAD = timedelta(days=366)
_FIRST, _LAST = 1, 5  # priorities


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """How a job is to be done; see `Job`. `key` is its idempotency key; `priority` None is that of its kind."""

    run_at: datetime | None = None
    priority: int | None = None
    key: str = ""
    concurrency_key: str = ""
    concurrency: int = 0
    rate_key: str = ""
    rate: int = 0
    rate_seconds: float = 0
    deadline: datetime | None = None
    cause: str = ""


def check_order(order: Order, now: datetime) -> None:
    """Raise InvalidJob, which names the field and says what it may be."""
    if order.priority is not None:
        _within("priority", order.priority, _FIRST, _LAST)
    for field in ("key", "concurrency_key", "rate_key", "cause"):
        check_key(field, getattr(order, field))
    _both("concurrency_key", order.concurrency_key, "concurrency", order.concurrency, MOST_AT_ONCE)
    _both("rate_key", order.rate_key, "rate", order.rate, MOST_AT_ONCE)
    _both("rate_key", order.rate_key, "rate_seconds", order.rate_seconds, LONGEST_RATE)
    for field, at in (("run_at", order.run_at), ("deadline", order.deadline)):
        if at is not None:
            _check_time(field, at, now)
    if order.deadline is not None and order.deadline <= max(now, order.run_at or now):
        raise InvalidJob("The deadline is before the job may begin", field="deadline", value=order.deadline.isoformat())


def _check_time(field: str, at: datetime, now: datetime) -> None:
    if at.tzinfo is None:
        raise InvalidJob(f"'{field}' has no time zone", field=field, value=at.isoformat())
    if at > now + MOST_AHEAD:
        raise InvalidJob(f"'{field}' lies at most {MOST_AHEAD.days} days ahead", field=field, value=at.isoformat())


def check_key(field: str, text: str) -> None:
    """Raise InvalidJob unless a text may name a key: at most 255 characters, none of them a control character."""
    if len(text) > LONGEST_KEY or any(unicodedata.category(one) in {"Cc", "Cs"} for one in text):
        raise InvalidJob(
            f"'{field}' has at most {LONGEST_KEY} characters, none of them a control character",
            field=field,
            value=text[:100].encode("utf-8", "replace").decode(),
        )


def _both(key_field: str, key: str, field: str, value: float, most: int) -> None:
    """Raise InvalidJob for a key without its number, or a number without its key."""
    if key and not 0 < value <= most:
        raise InvalidJob(f"'{key_field}' needs '{field}', more than 0 and at most {most}", field=field, value=value)
    if value and not key:
        raise InvalidJob(f"'{field}' needs '{key_field}'", field=key_field)


def _within(field: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise InvalidJob(f"'{field}' is from {least} to {most}", field=field, value=value)
