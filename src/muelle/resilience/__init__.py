"""Policies for what comes in and what goes out: limits, retries, breakers and caches."""

__all__: list[str] = []
