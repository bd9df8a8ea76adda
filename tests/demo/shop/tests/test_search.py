import pytest

from shop.search import search


@pytest.mark.parametrize("text", ["mug", "red lamp", "Clock 42"])
def test_search(text: str) -> None:
    assert all(text.lower() in name for name in search(text))


def test_search_finds_nothing() -> None:
    assert search("spaceship") == []
