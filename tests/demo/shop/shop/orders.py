"""Orders that customers have placed."""

from __future__ import annotations

from dataclasses import dataclass

from shop.basket import Basket


@dataclass
class Order:
    """One order and how far it is."""

    number: int
    total: float
    state: str = "open"

    def pay(self, amount: float) -> None:
        """Take a payment."""
        if amount < self.total:
            raise ValueError(f"{amount} is less than {self.total}")
        self.state = "paid"

    def send(self) -> None:
        """Send the order, which must be paid."""
        if self.state != "paid":
            raise RuntimeError(f"order {self.number} is {self.state}")
        self.state = "sent"


def place(basket: Basket, number: int = 1) -> Order:
    """Make an order of a basket."""
    if not basket.items:
        raise ValueError("the basket is empty")
    return Order(number, basket.total())
