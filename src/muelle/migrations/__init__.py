"""The schema's history; `muelle.stores.migrate` carries it out."""
