"""What a customer wants to buy."""

from __future__ import annotations

from dataclasses import dataclass, field

from shop.prices import total


@dataclass
class Basket:
    """Items with their prices."""

    items: dict[str, float] = field(default_factory=dict)

    def add(self, name: str, price: float) -> None:
        """Put an item into the basket."""
        if price < 0:
            raise ValueError(f"{name} cannot cost {price}")
        self.items[name] = price

    def remove(self, name: str) -> None:
        """Take an item out of the basket."""
        del self.items[name]

    def total(self) -> float:
        """Return what the basket costs."""
        return total(self.items.values())
