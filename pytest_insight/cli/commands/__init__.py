"""The commands of `insight`, one module or package per command."""
