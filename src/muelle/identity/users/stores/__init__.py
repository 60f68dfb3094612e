"""Further tables of users."""
