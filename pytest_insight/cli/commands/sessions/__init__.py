"""The commands of `insight sessions`."""
