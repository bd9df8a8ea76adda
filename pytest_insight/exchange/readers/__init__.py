"""Readers of formats: a module or package per format; `shared` has what several of them use."""
