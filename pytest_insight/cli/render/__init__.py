"""Sessions, tests and their values as tables and text."""
