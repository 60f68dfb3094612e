"""Fixtures for every room's tests."""

pytest_plugins = ["fixtures.postgres", "fixtures.databases"]
