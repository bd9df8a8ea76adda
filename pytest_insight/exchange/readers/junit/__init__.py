"""Read JUnit XML: pytest's own, and that of other test runners."""

from pytest_insight.exchange.readers.junit.parser import looks_like_junit, read, root_element

__all__ = ["looks_like_junit", "read", "root_element"]
