"""Sessions, for people and programs: a list of them, and one in detail."""
