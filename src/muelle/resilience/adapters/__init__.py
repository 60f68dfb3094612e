"""Stores of answers beyond the process: a file, Redis. Loaded only where they are used."""
