"""From pytest's reports to a stored session. Imported only where a run is recorded."""
