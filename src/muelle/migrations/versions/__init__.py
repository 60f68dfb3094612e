"""One module for each revision, in a line: 0001, 0002 and so on."""
