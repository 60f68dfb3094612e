"""Libraries that compare meanings. Loaded only where the extra `search` is installed."""
