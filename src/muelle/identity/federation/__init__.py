"""Signing in with other providers of identities (OpenID Connect), and taking their tokens at the door."""
