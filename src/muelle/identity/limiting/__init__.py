"""Limits of principals, tenants and strangers: the rules that are kept, and what they come to."""
