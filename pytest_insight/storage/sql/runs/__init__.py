"""What the analysis reads, as narrow rows: suites, and the runs that did not simply pass."""
