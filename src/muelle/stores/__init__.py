"""Databases, blobs and secrets behind ports."""
