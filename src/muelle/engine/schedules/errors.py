"""What can be wrong with a schedule, or with what is asked of one."""

from muelle.core import Conflict, Invalid, NotFound, TooLarge


class InvalidCron(Invalid):
    """A cron expression is not one."""

    code = "invalid_cron"
    suggestions = ("Write 'minute hour day-of-month month day-of-week', with seconds first if there are six fields.",)


class CronNeverFires(Invalid):
    """No day that there is matches the cron expression."""

    code = "cron_never_fires"
    suggestions = ("Check day of month and month together: February has no 30th.",)


class UnknownTimeZone(Invalid):
    """There is no time zone of that name."""

    code = "unknown_time_zone"
    suggestions = ("Give the name that the IANA database has, such as Europe/Madrid or UTC.",)


class InvalidSchedule(Invalid):
    """A schedule has a value that it cannot have."""

    code = "invalid_schedule"


class InvalidPage(Invalid):
    """A page of schedules has 1 to 500 of them."""

    code = "invalid_page"


class ScheduleNotFound(NotFound):
    """There is no such schedule in this tenant."""

    code = "schedule_not_found"


class ScheduleExists(Conflict):
    """The tenant has a schedule with that id already."""

    code = "schedule_exists"
    suggestions = ("Choose another id, or update the schedule that is there.",)


class ScheduleChanged(Conflict):
    """Somebody else changed the schedule at the same time."""

    code = "schedule_changed"
    recoverable = True
    suggestions = ("Read the schedule again, and make your change if it is still wanted.",)


class TooManySchedules(TooLarge):
    """The tenant has as many schedules as it may have."""

    code = "too_many_schedules"
