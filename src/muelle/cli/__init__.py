"""The command line: commands over the same services as the doors, without rules of their own."""

from muelle.cli.program import main

__all__ = ["main"]
