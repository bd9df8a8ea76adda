"""Readers of formats: a module or package per format, and what several of them share."""
