"""What changed between two sets of sessions: pure functions over runs, without input or output."""
