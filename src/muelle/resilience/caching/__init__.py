"""Answers that are given again: what may be kept and how long, where it is kept, and who gets it."""
