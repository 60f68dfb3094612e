"""Every call that leaves."""
