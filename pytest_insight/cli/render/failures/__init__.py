"""What failed, for people and programs."""
