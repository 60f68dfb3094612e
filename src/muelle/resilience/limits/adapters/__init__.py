"""Limits on servers."""
