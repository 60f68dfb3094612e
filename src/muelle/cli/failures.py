"""What went wrong, as the command line tells it: a message and suggestions, or a problem object; and the exit code."""

from collections.abc import Mapping
from typing import Any

import click
import msgspec

from muelle.cli.console import Console, text_of
from muelle.core import Forbidden, Invalid, MuelleError, TooLarge, Unauthenticated

FAILED = 1
INVALID = 2
REFUSED = 3


class Unopened(Exception):
    """Muelle itself could not be opened: that is no fault of what was handed in."""

    def __init__(self, cause: MuelleError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class InvalidArgument(Invalid):
    """An argument of the command is not valid."""

    code = "invalid_argument"
    suggestions = ("Correct the argument that the error names; --help says what it takes.",)


class UnreadableFile(Invalid):
    """A file that the command names cannot be read."""

    code = "unreadable_file"
    suggestions = ("Check the path, and that you may read the file; '-' is standard input.",)


class UnwritableFile(MuelleError):
    """A file that the command names cannot be written."""

    code = "unwritable_file"
    suggestions = ("Check the path, that its folder exists, and that you may write there.",)


class HomeUnusable(MuelleError):
    """Muelle's folder cannot be used."""

    code = "home_unusable"
    suggestions = ("Choose another folder with --home or MUELLE_HOME, or let its owner give you access.",)


class AgentDisabled(Forbidden):
    """This agent is disabled."""

    code = "agent_disabled"
    suggestions = ("Enable it: muelle agents update NAME --enable.",)


class CommandFailed(MuelleError):
    """The command failed for a reason that it does not know."""

    code = "command_failed"
    suggestions = ("Set MUELLE_DEBUG=1 and try again to see the traceback.",)


def exit_code(error: MuelleError) -> int:
    """Return 3 for what was refused, 2 for what was invalid, 1 for what failed."""
    if isinstance(error, Forbidden | Unauthenticated):
        return REFUSED
    return INVALID if isinstance(error, Invalid | TooLarge) else FAILED


def tell(console: Console, error: Exception) -> int:
    """Say on stderr what went wrong, and return the exit code."""
    if isinstance(error, click.ClickException):
        return _tell_usage(console, error)
    if isinstance(error, Unopened):
        _tell_problem(console, error.cause.problem())
        return FAILED
    if isinstance(error, MuelleError):
        _tell_problem(console, error.problem())
        return exit_code(error)
    _tell_problem(console, CommandFailed(cause=type(error).__name__).problem())
    return FAILED


def _tell_usage(console: Console, error: click.ClickException) -> int:
    if not console.is_json:
        error.show()
        return error.exit_code
    problem = InvalidArgument(error.format_message()).problem()
    console.note(msgspec.json.encode(problem).decode())
    return error.exit_code


def _tell_problem(console: Console, problem: Mapping[str, Any]) -> None:
    if console.is_json:
        console.note(msgspec.json.encode(problem, enc_hook=str).decode())
        return
    issues = problem.get("issues", [])
    console.note(f"{console.paint('error:', 'red')} {problem['title' if issues else 'message']}")
    told = {*MuelleError().problem(), "issues"}
    for name, value in problem.items():
        if name not in told and text_of(value):
            console.note(f"  {name}: {text_of(value)}")
    tell_issues(console, issues)
    for suggestion in () if issues else problem["suggestions"]:
        console.note(f"  {console.paint('→', 'cyan')} {suggestion}")


def tell_issues(console: Console, issues: list[dict[str, Any]]) -> None:
    """Say on stderr what is wrong with a document, an issue a line and its suggestion below."""
    for issue in issues:
        color = "red" if issue["severity"] == "error" else "yellow"
        where = " ".join(filter(None, (issue.get("operation_id"), issue.get("path"))))
        place = f" {where}:" if where else ""
        console.note(f"  {console.paint(issue['severity'], color)}{place} {issue['message']} [{issue['code']}]")
        if issue.get("suggestion"):
            console.note(f"    {console.paint('→', 'cyan')} {issue['suggestion']}")
