"""Undo: records of what destructive commands changed, and their restoration."""
