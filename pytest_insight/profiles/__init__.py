"""Profiles (named stores): their settings, their rules and the file that lists them."""
