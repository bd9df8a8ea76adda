"""The `insight` command: parses, calls the library once or twice, prints."""
