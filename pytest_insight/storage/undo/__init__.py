"""Undo: destructive commands that can be undone, the records they keep, and undo itself."""
