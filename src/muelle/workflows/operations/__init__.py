"""The built-in operations, as a pack."""

from muelle.workflows.operations.pack import BUILT_IN

__all__ = ["BUILT_IN"]
