import pytest

from shop.basket import Basket


@pytest.fixture
def basket() -> Basket:
    return Basket({"mug": 0.1, "plate": 0.2})


def test_add(basket: Basket) -> None:
    basket.add("lamp", 30)
    assert list(basket.items) == ["mug", "plate", "lamp"]


def test_add_refuses_a_negative_price(basket: Basket) -> None:
    with pytest.raises(ValueError, match="cannot cost"):
        basket.add("lamp", -1)


def test_remove(basket: Basket) -> None:
    basket.remove("mug")
    assert list(basket.items) == ["plate"]


def test_basket_total(basket: Basket) -> None:
    assert basket.total() == 0.3


def test_empty_basket() -> None:
    assert Basket().total() == 0
