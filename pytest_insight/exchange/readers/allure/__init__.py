"""Read folders of Allure results."""

from pytest_insight.exchange.readers.allure.reader import read

__all__ = ["read"]
