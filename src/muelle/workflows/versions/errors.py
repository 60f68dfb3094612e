"""What can go wrong with saved workflows."""

from muelle.core import Conflict, Invalid, NotFound, TooLarge


class InvalidVersion(Invalid):
    """A version is three numbers with points between, such as 1.4.0 or 2.0.0-beta.1."""

    code = "invalid_version"
    suggestions = ("Write it as SemVer 2.0 has it, or say 'auto' and the least version that will do is taken.",)


class InvalidRange(Invalid):
    """A range of versions cannot be read."""

    code = "invalid_range"
    suggestions = ("Write a version (1.4.0), a range (^1.2, ~1.2, 1.x, '>=1 <2') or an alias (latest, stable).",)


class InvalidWorkflowName(Invalid):
    """A workflow's name has 1 to 100 letters, digits, '-' and '_', begins with a letter or digit, and is free."""

    code = "invalid_workflow_name"
    suggestions = ("Choose one such as 'daily-report'; 'execute' and 'validate' are taken by the HTTP API.",)


class InvalidAlias(Invalid):
    """An alias is a word that is no version and no range."""

    code = "invalid_alias"
    suggestions = ("Choose one such as 'stable' or 'canary': letters, digits, '-' and '_', a letter first.",)


class InvalidDetail(Invalid):
    """A description, note, message or tag is too long or has control characters."""

    code = "invalid_detail"
    suggestions = ("Shorten it, and leave control characters out.",)


class InvalidSunset(Invalid):
    """A sunset is a time in the future, with a time zone."""

    code = "invalid_sunset"
    suggestions = ("Give a later time, such as 2027-06-30T00:00:00Z; to end a version now, withdraw it.",)


class InvalidSchema(Invalid):
    """That is no JSON Schema that a workflow can have."""

    code = "invalid_schema"
    suggestions = ("Correct what the pointer names; schemas are JSON Schema 2020-12 without references to elsewhere.",)


class InputsRefused(Invalid):
    """The inputs are not what the workflow takes."""

    code = "inputs_refused"
    status = 422
    suggestions = ("Correct the fields that the issues name; showing the version shows its input schema.",)


class InputsNotMigrated(Invalid):
    """Inputs that were kept for an older version cannot be brought to this one."""

    code = "inputs_not_migrated"
    status = 422
    suggestions = ("Correct the kept inputs, or publish a version whose migrateInputs leads from the older one.",)


class InvalidMigration(Invalid):
    """A migration of inputs is a range and a list of steps."""

    code = "invalid_migration"
    suggestions = ("Correct the step that the pointer names: move, rename, remove, default, convert or replace.",)


class BumpTooSmall(Conflict):
    """The version says less than has changed."""

    code = "bump_too_small"
    suggestions = ("Publish it under the version named 'least' or a higher one, or say 'auto'.",)


class VersionExists(Conflict):
    """That version is published with another content, and what is published does not change."""

    code = "version_exists"
    suggestions = ("Publish it under a higher version, or say 'auto'.",)


class WorkflowNotFound(NotFound):
    """There is no such saved workflow, or it is not for you."""

    code = "workflow_not_found"
    suggestions = ("List the saved workflows; only those that one may read, run or write are shown.",)


class VersionNotFound(NotFound):
    """No version of the workflow is meant by that."""

    code = "version_not_found"
    suggestions = ("List the workflow's versions; pre-releases and withdrawn ones are taken only where named.",)


class VersionWithdrawn(Conflict):
    """That version was withdrawn."""

    code = "version_withdrawn"
    status = 410
    suggestions = ("Take another version; the message says why this one is gone.",)


class NothingToRollBackTo(Conflict):
    """There is no earlier version to go back to."""

    code = "nothing_to_roll_back_to"
    suggestions = ("List the versions and set the alias to the one that is meant.",)


class AliasNotFound(NotFound):
    """The workflow has no such alias."""

    code = "alias_not_found"
    suggestions = ("Show the workflow to see its aliases.",)


class WorkflowInUse(Conflict):
    """A workflow can be removed only once all its versions are withdrawn."""

    code = "workflow_in_use"
    suggestions = ("Withdraw its versions first: whoever runs them learns why, rather than that there is none.",)


class WorkflowChanged(Conflict):
    """Others changed the workflow at the same time."""

    code = "workflow_changed"
    recoverable = True
    suggestions = ("Try again.",)


class TooManyWorkflows(TooLarge):
    """The tenant has as many saved workflows, or the workflow as many versions or aliases, as it may."""

    code = "too_many_workflows"
    suggestions = ("Remove what is not used, or ask an operator to raise the limit that the error names.",)


class SchemaTooLarge(TooLarge):
    """A schema is larger than allowed."""

    code = "schema_too_large"
    suggestions = ("Put what repeats into $defs, or ask an operator to raise the limit that the error names.",)
