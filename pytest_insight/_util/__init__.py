"""Helpers without knowledge of sessions: files, locks, progress reporting and text."""
