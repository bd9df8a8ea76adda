"""What the history says of the failures of a run, in pytest's summary."""
