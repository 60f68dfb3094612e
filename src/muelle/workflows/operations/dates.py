"""GetCurrentDateTime, ConvertTimezone and DateCalculation."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from muelle.packs import Json, Literally, OperationType, ReadPath, Step, WritePath
from muelle.workflows.operations.errors import DateOutOfRange, InvalidDate, UnknownTimezone
from muelle.workflows.operations.literals import literal_text, plain_text
from muelle.workflows.operations.moments import (
    format_fault,
    move,
    move_approximately,
    parse_moment,
    write_moment,
    zone,
)

DateFormat = Annotated[
    Literal["iso8601", "timestamp", "custom"],
    Meta(
        description=(
            "How to write the result: ISO 8601 with offset (the default), seconds since 1970 as a number, or "
            "'custom' by "
            "formatString."
        )
    ),
]
FormatString = Annotated[
    Literally,
    Meta(max_length=200, description="custom: strftime format such as '%Y-%m-%d %H:%M'; without it, ISO 8601."),
]
DateInput = Annotated[
    ReadPath,
    Meta(
        description=(
            "Path of the moment: ISO 8601 text, 'YYYY-MM-DD HH:MM:SS', seconds since 1970, or an object {year, "
            "month, day, "
            "hour, minute, second} (absent date parts are today's, absent time parts 0)."
        )
    ),
]
Output = Annotated[WritePath, Meta(description="Path that receives the date and time.")]
Amount = Annotated[float, Meta(ge=-1e12, le=1e12)]
_DAYS_IN_MONTH: Final = 30  # A2E's approximation, for calendar: false
_DAYS_IN_YEAR: Final = 365


class GetCurrentDateTime(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The present date and time, when this step began; the same if the run is replayed."""

    timezone: Annotated[
        str | None, Meta(description="IANA zone such as Europe/Madrid, or an offset such as +02:00; UTC if absent.")
    ] = None
    format: DateFormat = "iso8601"
    format_string: FormatString | None = None
    output_path: Output


def current_date_time(config: GetCurrentDateTime, step: Step[Any]) -> Json:
    """Return the present moment in the zone."""
    moment = step.now.astimezone(_zone_or_utc(config.timezone))
    return write_moment(moment, config.format, config.format_string)


def _zone_or_utc(name: str | None) -> tzinfo:
    return UTC if name is None else zone(name)


class ConvertTimezone(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The same moment in another time zone."""

    input_path: DateInput
    from_timezone: Annotated[
        str | None, Meta(description="Zone of a moment that has no offset of its own; UTC if absent.")
    ] = None
    to_timezone: Annotated[str, Meta(description="IANA zone such as Europe/Madrid, or an offset such as +02:00.")]
    format: DateFormat = "iso8601"
    format_string: FormatString | None = None
    output_path: Output


def convert_timezone(config: ConvertTimezone, step: Step[Any]) -> Json:
    """Return the moment in the other zone."""
    there = zone(config.to_timezone)
    moment = parse_moment(step.read(config.input_path), step.now, _zone_or_utc(config.from_timezone))
    try:
        return write_moment(moment.astimezone(there), config.format, config.format_string)
    except OverflowError:
        raise DateOutOfRange from None


class DateCalculation(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A moment some time later or earlier."""

    input_path: DateInput
    operation: Annotated[Literal["add", "subtract"], Meta(description="Later or earlier.")]
    years: Annotated[Amount, Meta(description="Years; whole ones, unless calendar is false.")] = 0
    months: Annotated[
        Amount,
        Meta(description="Months; whole ones, unless calendar is false. 31 January + 1 is the last of February."),
    ] = 0
    days: Annotated[Amount, Meta(description="Days; the wall clock stays, also when clocks change.")] = 0
    hours: Annotated[Amount, Meta(description="Hours that pass.")] = 0
    minutes: Annotated[Amount, Meta(description="Minutes that pass.")] = 0
    seconds: Annotated[Amount, Meta(description="Seconds that pass.")] = 0
    timezone: Annotated[
        str | None,
        Meta(
            description=(
                "Zone in which to calculate, so that changes of the clocks count. A moment without offset is taken "
                "to be "
                "in it; UTC if absent."
            )
        ),
    ] = None
    calendar: Annotated[
        bool,
        Meta(
            description=(
                "true (the default): months and years of the calendar, and changes of the clocks. false: months of "
                "30 days, "
                "years of 365 days, at the offset that the moment has."
            )
        ),
    ] = True
    format: DateFormat = "iso8601"
    format_string: FormatString | None = None
    output_path: Output


def calculate_date(config: DateCalculation, step: Step[Any]) -> Json:
    """Return the moment, moved."""
    within = _zone_or_utc(config.timezone)
    moment = parse_moment(step.read(config.input_path), step.now, within)
    sign = 1 if config.operation == "add" else -1
    try:
        moved = _by_calendar(moment, config, sign) if config.calendar else _approximately(moment, config, sign)
    except OverflowError:
        raise DateOutOfRange from None
    return write_moment(moved, config.format, config.format_string)


def _by_calendar(moment: datetime, config: DateCalculation, sign: int) -> datetime:
    if config.years % 1 or config.months % 1:
        raise InvalidDate("Years and months of the calendar are whole; with calendar: false they may be parts")
    local = moment if config.timezone is None else moment.astimezone(zone(config.timezone))
    months = int(config.years) * 12 + int(config.months)
    clock = timedelta(hours=config.hours, minutes=config.minutes, seconds=config.seconds)
    return move(local, months=sign * months, days=sign * config.days, clock=sign * clock)


def _approximately(moment: datetime, config: DateCalculation, sign: int) -> datetime:
    days = config.years * _DAYS_IN_YEAR + config.months * _DAYS_IN_MONTH + config.days
    away = timedelta(days=days, hours=config.hours, minutes=config.minutes, seconds=config.seconds)
    return move_approximately(moment, sign * away)


def check_dates(config: Mapping[str, Json]) -> list[tuple[str, str]]:
    """Find time zones that do not exist and formats that cannot be used."""
    return [*_zone_faults(config), *_format_faults(config)]


def _zone_faults(config: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    for field in ("timezone", "fromTimezone", "toTimezone"):
        name = literal_text(config, field)
        if name is not None:
            try:
                zone(name)
            except UnknownTimezone as fault:
                yield f"/{field}", fault.message


def _format_faults(config: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    pattern = plain_text(config, "formatString")
    if config.get("format") == "custom" and pattern is not None and (fault := format_fault(pattern)):
        yield "/formatString", fault


GET_CURRENT_DATE_TIME = OperationType(
    name="GetCurrentDateTime",
    summary="The present date and time.",
    config=GetCurrentDateTime,
    perform=current_date_time,
    check=check_dates,
    example={"timezone": "Europe/Madrid", "format": "iso8601", "outputPath": "/workflow/now"},
)
CONVERT_TIMEZONE = OperationType(
    name="ConvertTimezone",
    summary="The same moment in another time zone.",
    config=ConvertTimezone,
    perform=convert_timezone,
    check=check_dates,
    example={
        "inputPath": "/workflow/meeting",
        "fromTimezone": "America/New_York",
        "toTimezone": "Europe/Madrid",
        "outputPath": "/workflow/local",
    },
)
DATE_CALCULATION = OperationType(
    name="DateCalculation",
    summary="A moment some time later or earlier.",
    config=DateCalculation,
    perform=calculate_date,
    check=check_dates,
    example={
        "inputPath": "/workflow/now",
        "operation": "add",
        "days": 30,
        "hours": 12,
        "format": "custom",
        "formatString": "%Y-%m-%d",
        "outputPath": "/workflow/due",
    },
)
