"""Read CTRF reports."""

from pytest_insight.exchange.readers.ctrf.reader import read

__all__ = ["read"]
