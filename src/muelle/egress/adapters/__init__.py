"""Libraries that egress stands on, each loaded by its adapter alone."""
