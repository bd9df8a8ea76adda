"""This project in other environments: `make test-matrix`, `make test-real`. On POSIX."""
