"""Prices in euros."""

from __future__ import annotations

from collections.abc import Iterable


def total(prices: Iterable[float]) -> float:
    """Add prices up, rounded to cents."""
    return round(sum(prices), 2)


def discounted(price: float, percent: float) -> float:
    """Return the price less a discount."""
    if not 0 <= percent <= 100:
        raise ValueError(f"a discount of {percent} % is not possible")
    return round(price * (1 - percent / 100), 2)


def shown(price: float, currency: str = "EUR") -> str:
    """Return the price as the customer sees it."""
    return f"{price:,.2f} {currency}"
