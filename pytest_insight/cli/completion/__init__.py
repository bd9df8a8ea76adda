"""Candidates for shell completion."""
