"""Verdicts and their evidence, for people and programs."""
