"""The session document, format 1: its layout on disk, its encoding and its decoding."""
