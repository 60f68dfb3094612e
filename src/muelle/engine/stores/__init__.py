"""The SQL of the engine: the journal, the queue, and what hangs on them."""
