from shop.deliveries import deliver


def test_every_parcel_arrives() -> None:
    assert sorted(deliver(["a", "b", "c"])) == ["a", "b", "c"]


def test_parcels_arrive_in_order() -> None:
    assert deliver(["first", "second", "third"]) == ["first", "second", "third"]
