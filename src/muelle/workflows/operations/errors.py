"""What can go wrong inside an operation; each code is stable."""

from muelle.core import Invalid, MuelleError, TimedOut, TooLarge


class OperationFailed(MuelleError):
    """The operation could not be carried out."""

    code = "operation_failed"
    category = "data_error"
    status = 422
    recoverable = True
    suggestions = ("Look at the data that the operation read, and correct the operation or what wrote the data.",)


class WrongInput(OperationFailed):
    """The operation cannot work with data of this kind."""

    code = "wrong_input"
    suggestions = ("Check what the path holds; TransformData can bring it into the shape that is needed.",)


class CalculationFailed(OperationFailed):
    """The calculation has no result."""

    code = "calculation_failed"
    suggestions = ("Check the input and the operand; both must be numbers or numeric text.",)


class NumberOutOfRange(OperationFailed):
    """The result is not a finite number within the limit."""

    code = "number_out_of_range"
    suggestions = ("Use smaller numbers; no result may be infinite or have more digits than the limit.",)


class InvalidDate(OperationFailed):
    """This is no date or time."""

    code = "invalid_date"
    suggestions = ("Give ISO 8601 text, seconds since 1970, or an object with year, month, day, hour, minute, second.",)


class DateOutOfRange(OperationFailed):
    """The date is outside of the years 1 to 9999."""

    code = "date_out_of_range"
    suggestions = ("Add or subtract less.",)


class UnknownTimezone(Invalid):
    """There is no such time zone."""

    code = "unknown_timezone"
    suggestions = ("Give an IANA name such as Europe/Madrid, or an offset such as +02:00.",)


class InvalidPattern(Invalid):
    """The pattern is not a regular expression that RE2 can run in linear time."""

    code = "invalid_pattern"
    suggestions = ("Correct the pattern; look-around and back-references do not exist here.",)


class PatternTooCostly(TooLarge):
    """The pattern is too large for so long a text."""

    code = "pattern_too_costly"
    suggestions = ("Use a simpler pattern, or a shorter text.",)


class PatternTooSlow(TimedOut):
    """Finding every match of the pattern took too long."""

    code = "pattern_too_slow"
    category = "execution"
    recoverable = False
    suggestions = ("Use a pattern whose matches are short, without '.*' in front of something rare.",)


class InvalidTemplate(Invalid):
    """The template is not valid."""

    code = "invalid_template"
    suggestions = ("Write {name}, {a.b} or {list[0]}, and {{ or }} for a brace; nothing else stands in braces.",)


class NameNotInData(OperationFailed):
    """The template names something that the data does not have."""

    code = "template_name_missing"
    suggestions = ("Correct the name, or read the path of an object that has it.",)


class InvalidCondition(Invalid):
    """The condition is not valid."""

    code = "invalid_condition"
    suggestions = ("Give exactly one of 'condition', 'conditions' and 'expression'.",)


class InvalidExpression(Invalid):
    """The expression is not valid CEL."""

    code = "invalid_expression"
    suggestions = ("Correct the expression; it knows workflow, config, input and loop.",)


class ExpressionTooCostly(TooLarge):
    """The expression could take too long on so much data."""

    code = "expression_too_costly"
    suggestions = ("Use FilterData or TransformData first, or fewer map, filter, all and exists in the expression.",)


class ExpressionFailed(OperationFailed):
    """The expression could not be evaluated on this data."""

    code = "expression_failed"
    suggestions = ("Guard what may be absent with has(…), and convert types with int(), double() or string().",)


class InvalidTransform(Invalid):
    """The config does not fit the transform."""

    code = "invalid_transform"


class ResultTooLarge(TooLarge):
    """The result would be larger than the data model may be."""

    code = "result_too_large"
    suggestions = ("Produce less, or ask an operator to raise the limit 'data_bytes'.",)


class TooManyIterations(TooLarge):
    """The list has more items than a loop may have iterations."""

    code = "too_many_iterations"
    suggestions = ("Filter or slice the list first, or ask an operator to raise the limit 'loop_iterations'.",)


class TooMuchAtOnce(TooLarge):
    """More is to run at the same time than is allowed."""

    code = "too_much_at_once"
    suggestions = ("Lower 'concurrency' or use fewer branches.",)


class JoinNotReached(OperationFailed):
    """Fewer branches succeeded than the join needs."""

    code = "join_not_reached"
    suggestions = ("Look at the failed operations of the branches, or give them an 'onError'.",)


class WaitTooLong(TooLarge):
    """The wait is longer than a run may take."""

    code = "wait_too_long"
    suggestions = ("Wait for less, or start the rest as a scheduled workflow.",)


class InvalidStorageKey(Invalid):
    """A key is 1 to 512 letters, digits, '.', '_', '-' and '/', without empty, '.', '..' or '.muelle' parts."""

    code = "invalid_storage_key"
    suggestions = ("Use a key such as reports/2026-01.json.",)


class NothingStored(OperationFailed):
    """Nothing is stored under this key."""

    code = "missing_data"
    suggestions = ("Store it first with StoreData, or give LoadData a 'default'.",)


class UnreadableContent(OperationFailed):
    """What is stored cannot be read in this format."""

    code = "unreadable_content"
    suggestions = ("Load it with the format in which it was stored, or with 'binary'.",)


class InvalidHeader(Invalid):
    """A header is one line of text."""

    code = "invalid_header"
    suggestions = ("Give the header a text or a number, without line breaks.",)


class ApiFailed(MuelleError):
    """The API answered with an error."""

    code = "api_error"
    category = "api_error"
    status = 502
    suggestions = ("The API itself failed; try again later, or give 'retry'.",)


class ApiRefused(ApiFailed):
    """The API refused the request."""

    status = 422
    recoverable = True
    suggestions = ("Correct the request as the API's answer says.",)


class InvalidDuration(Invalid):
    """A duration is a number of milliseconds, or ISO 8601 text without years and months."""

    code = "invalid_duration"
    suggestions = ("Write it as 90000, PT90S, PT36H, P2D or P1W.",)


class DetailsTooLarge(TooLarge):
    """What is shown to whoever answers is larger than allowed."""

    code = "details_too_large"
    suggestions = ("Show what the decision needs, and a link to the rest.",)


class ApprovalRejected(OperationFailed):
    """The approval was refused."""

    code = "approval_rejected"
    category = "execution"
    suggestions = ("Read the comment; with onReject 'continue' the workflow can go another way.",)


class ApprovalTimedOut(TimedOut):
    """Nobody approved or rejected in time."""

    code = "approval_timed_out"
    suggestions = ("Ask for longer, or say with onTimeout what no answer means.",)


class InvalidEventPattern(Invalid):
    """No event can be found by this pattern."""

    code = "invalid_event_pattern"
    suggestions = ("Correct what the field names; a pattern is written as that of a trigger.",)


class EventNotSeen(TimedOut):
    """No such event was raised in time."""

    code = "event_not_seen"
    suggestions = ("Wait for longer, or say with onTimeout 'continue' that there need not be one.",)


class InvalidEventType(Invalid):
    """This type of event may not be raised."""

    code = "invalid_event_type"
    suggestions = ("Name it after what happened, with dots between the parts: order.paid.",)


class EventTooLarge(TooLarge):
    """The event has more data than allowed."""

    code = "event_too_large"
    suggestions = ("Store the data with StoreData, and raise an event with its key.",)
