"""Profiles (named storages): their settings, their rules and the file that lists them."""
