"""Approvals: what runs ask of people, and the answers."""
