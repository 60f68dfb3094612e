"""Packs: values that add operations and tools."""
