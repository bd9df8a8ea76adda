"""Facts about a run: the CI service, the code under test and the machine."""
