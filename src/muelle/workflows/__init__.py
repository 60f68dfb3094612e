"""Documents, plans and runs."""
