"""What can go wrong in a run beyond what an operation itself reports."""

import re

from muelle.core import Forbidden, Invalid, MuelleError, NotFound, TimedOut, TooLarge

_QUOTED = re.compile(r" '.*'(?= - at |\Z)", re.DOTALL)


class DependencyFailed(MuelleError):
    """Skipped, because an operation that it needs did not succeed."""

    code = "dependency_failed"
    category = "data_error"
    status = 424
    recoverable = True
    suggestions = ("Look at the operation named as cause.",)


class RunStopped(MuelleError):
    """Skipped, because an operation failed whose onError is 'stop'."""

    code = "run_stopped"
    category = "execution"
    status = 424
    suggestions = ("Look at the operation named as cause.",)


class RunCancelled(RunStopped):
    """The run was cancelled."""

    code = "cancelled"
    suggestions = ("Run it again from this operation, with 'rerun'.",)


class TooManySteps(RunStopped):
    """Skipped, because the run has performed as many operations as it may."""

    code = "too_many_steps"
    suggestions = ("Loop over less, or ask an operator to raise the limit steps.",)


class NotNeeded(MuelleError):
    """Given up, because enough of the branches beside it had ended."""

    code = "not_needed"
    category = "execution"
    status = 409
    suggestions = ()


class RunTimedOut(TimedOut):
    """The run took longer than it may."""

    code = "run_timed_out"
    category = "execution"
    suggestions = ("Split the work, or ask an operator to raise the limit run_seconds.",)


class DataTooLarge(TooLarge):
    """The outputs of this run are larger than allowed."""

    code = "data_too_large"
    category = "data_error"
    suggestions = ("Filter or select earlier, or ask an operator to raise the limit data_bytes.",)


class UnsuitableConfig(Invalid):
    """With its references resolved, the config has a value of the wrong kind."""

    code = "unsuitable_config"
    category = "data_error"
    status = 422
    suggestions = ("Check what the referenced operations give; a transform such as 'number' can convert.",)

    def __init__(self, *, fault: str) -> None:
        """Leave out the value that a decoder's message may quote: it may come from /config."""
        super().__init__(fault=_QUOTED.sub("", fault))


class OperationCrashed(MuelleError):
    """The operation crashed; the cause is in the server's log."""

    code = "operation_crashed"


class NotAValue(MuelleError):
    """The operation returned something that is not a JSON value."""

    code = "not_a_value"
    category = "data_error"


class NotReferredTo(MuelleError):
    """An operation tried to run one that its config does not refer to."""

    code = "not_referred_to"


class WorkflowRefused(Forbidden):
    """This principal may not run this document."""

    code = "workflow_refused"
    suggestions = ("Ask an operator for the grants that the issues name, or leave out what needs them.",)


class ExecutionNotFound(NotFound):
    """Execution not found."""

    code = "execution_not_found"
    suggestions = ("List the executions; only those of one's own tenant are found.",)


class InvalidInputs(Invalid):
    """Inputs are a JSON object."""

    code = "invalid_inputs"


class InvalidDestination(Invalid):
    """A run can be run again from an operation of its main order."""

    code = "invalid_origin"
    suggestions = ("Name one of the operations that the error lists; what stands in a loop begins with its loop.",)


class SavedWorkflowsMissing(MuelleError):
    """This process knows no saved workflows."""

    code = "saved_workflows_missing"


class ChildFailed(MuelleError):
    """The workflow that was run ended without success."""

    code = "child_failed"
    suggestions = ("Look at the run that the error names.",)


class TooManyGenerations(Invalid):
    """Workflows run each other deeper than allowed."""

    code = "too_many_generations"
    suggestions = ("Check that no workflow runs itself.",)


class TimeoutTooLong(Invalid):
    """People and events are not waited for that long."""

    code = "timeout_too_long"
    suggestions = ("Give a shorter timeout, or ask an operator to raise the setting engine.wait_days.",)
