"""This project in other environments: `make test-matrix test-plugins test-real`. On POSIX."""
