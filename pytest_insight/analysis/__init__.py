"""What the history says: pure functions over sessions and results, without input or output."""
