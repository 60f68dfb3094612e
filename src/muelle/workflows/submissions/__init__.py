"""Runs over a door: handed in, asked for, followed, changed."""

from muelle.workflows.submissions.settings import SubmissionsSettings

__all__ = ["SubmissionsSettings"]
