"""The journal of a running session: its writer, its parser and crash recovery."""
