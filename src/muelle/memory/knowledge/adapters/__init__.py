"""Libraries that read documents. Loaded only where the extra `search` is installed."""
