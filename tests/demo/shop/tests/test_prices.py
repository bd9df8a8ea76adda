import pytest

from shop.prices import discounted, shown, total


@pytest.mark.parametrize(
    ("prices", "expected"),
    [
        ([], 0),
        ([4.5], 4.5),
        ([0.1, 0.2], 0.3),
        ([19.99, 5.01], 25),
        ([1.1, 2.2, 3.3], 6.6),
    ],
    ids=["empty", "single", "pair", "round", "mixed"],
)
def test_total(prices: list[float], expected: float) -> None:
    assert total(prices) == expected


@pytest.mark.parametrize(("percent", "expected"), [(0, 80), (25, 60), (100, 0)])
def test_discount(percent: float, expected: float) -> None:
    assert discounted(80, percent) == expected


def test_discount_over_100_percent_is_refused() -> None:
    with pytest.raises(ValueError, match="not possible"):
        discounted(80, 120)


@pytest.mark.parametrize(("price", "text"), [(5, "5.00 EUR"), (1234.5, "1,234.50 EUR")])
def test_shown(price: float, text: str) -> None:
    assert shown(price) == text
