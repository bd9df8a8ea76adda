"""What holds when processes are killed, disks fill up and neighbours write: with real faults.

`make test` runs a few rounds of everything, `make test-faults` as many as README.md here says. Both
take their randomness from `FAULTS_SEED`, which is printed.
"""
