"""Adapters of the ports; import each from its own module, for some load large libraries."""
