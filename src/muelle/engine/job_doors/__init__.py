"""Jobs for those who are not in the process: over HTTP, and from the command line."""
