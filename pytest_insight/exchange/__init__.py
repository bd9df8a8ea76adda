"""Files to sessions and back. Knows no storage: storage uses it."""
