"""One module per format: a file's bytes to sessions."""
