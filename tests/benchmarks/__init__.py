"""Speed and memory as ratios to hand-written floors: `python -m tests.benchmarks`, on POSIX."""
