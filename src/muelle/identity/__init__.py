"""Who acts and what they may do: tenants, agents, keys, grants, audit."""
