"""The audit record as a chain: sealing, verifying, exporting."""
