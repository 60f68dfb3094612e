"""Ways in. Each door authenticates, translates, and has no rules of its own."""
