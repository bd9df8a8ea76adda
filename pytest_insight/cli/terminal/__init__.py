"""The terminal and the standard streams: output, progress, confirmation, usage errors."""
