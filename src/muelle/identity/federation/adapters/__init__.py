"""Ways to reach a provider."""
