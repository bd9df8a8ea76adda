"""The commands of `insight profile`."""
