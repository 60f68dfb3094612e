"""Access tokens, the keys that sign them, and sessions with their refresh tokens."""
