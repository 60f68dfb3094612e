"""Domains of tenants, verified by a record that only who holds the domain can write."""
