"""Where records are looked up."""
