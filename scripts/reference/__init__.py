"""The parts of the reference pages: each reads the source and returns Markdown."""
