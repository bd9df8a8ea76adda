"""One module per format: sessions to an open file."""
