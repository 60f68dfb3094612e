"""What there is for a task, as much of it as a budget of tokens holds."""

from muelle.memory.discovery.service import Discovered, Discovery

__all__ = ["Discovered", "Discovery"]
