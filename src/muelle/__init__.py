"""Muelle: the place where AI agents do their work."""

__all__ = ["__version__"]

__version__ = "0.1.0"
