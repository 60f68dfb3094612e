"""What a schedule may be; every error names the field."""

from collections.abc import Sequence
from datetime import datetime

from muelle.core import name
from muelle.engine.schedules.decide import following
from muelle.engine.schedules.errors import InvalidPage, InvalidSchedule
from muelle.engine.schedules.model import (
    LONGEST_DEADLINE,
    LONGEST_JITTER,
    LONGEST_TEXT,
    MOST_BYTES,
    MOST_CAUGHT_UP,
    RESERVED,
    FiringRules,
    JobTemplate,
    Schedule,
)
from muelle.engine.schedules.timing import checked

MAX_PAGE = 500
MAX_PREVIEW = 100
_PRIORITIES = (1, 5)


def checked_schedule(schedule: Schedule) -> Schedule:
    """Return a schedule that can be kept; raise InvalidSchedule, InvalidName, InvalidCron or UnknownTimeZone."""
    name(schedule.id, "id")
    if schedule.id in RESERVED:
        raise InvalidSchedule(field="id", value=schedule.id, reason="a path of the HTTP API is called that")
    checked(schedule.timing)
    _check_template(schedule.template)
    check_rules(schedule.rules)
    for field, text in (("description", schedule.description), ("note", schedule.note)):
        _check_text(field, text)
    return schedule


def check_future(schedule: Schedule, now: datetime) -> None:
    """Raise InvalidSchedule if a schedule that is not paused would never fire."""
    if not schedule.paused and following(schedule, now) is None:
        raise InvalidSchedule(field="at", now=now.isoformat(), reason="it would never fire: that time has passed")


def checked_page(limit: int) -> int:
    """Return how many schedules a page has; raise InvalidPage."""
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidPage(field="limit", value=limit, largest=MAX_PAGE)
    return limit


def checked_preview(number: int) -> int:
    """Return how many firings are previewed; raise InvalidSchedule."""
    return _within("count", number, (1, MAX_PREVIEW))


def _check_template(template: JobTemplate) -> None:
    name(template.name, "workflow")
    name(template.queue, "queue")
    _within("priority", template.priority, _PRIORITIES)
    _within("deadline", template.deadline, (0, LONGEST_DEADLINE))
    for field, body in (("inputs", template.payload), ("document", template.document)):
        if len(body) > MOST_BYTES:
            raise InvalidSchedule(field=field, bytes=len(body), most=MOST_BYTES)


def check_rules(rules: FiringRules) -> None:
    """Raise InvalidSchedule unless these rules can be followed."""
    _within("jitter", rules.jitter, (0, LONGEST_JITTER))
    _within("most", rules.most, (1, MOST_CAUGHT_UP))
    for field, at in (("start", rules.start), ("end", rules.end)):
        if at is not None and at.tzinfo is None:
            raise InvalidSchedule(field=field, value=at.isoformat(), reason="a time with a zone")
    if rules.start is not None and rules.end is not None and rules.end <= rules.start:
        raise InvalidSchedule(field="end", value=rules.end.isoformat(), reason="it has to be after the start")


def _within(field: str, value: int, bounds: Sequence[int]) -> int:
    least, most = bounds
    if not least <= value <= most:
        raise InvalidSchedule(field=field, value=value, least=least, most=most)
    return value


def _check_text(field: str, text: str) -> None:
    if len(text) > LONGEST_TEXT or "\0" in text:
        raise InvalidSchedule(field=field, length=len(text), most=LONGEST_TEXT)
