"""How often each principal may do what."""

__all__: list[str] = []
