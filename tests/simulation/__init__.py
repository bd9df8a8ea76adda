"""Simulated histories of which the truth is known: how often each verdict is right."""
