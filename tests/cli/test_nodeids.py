"""How nodeids fit a width."""

from __future__ import annotations

import pytest

from pytest_insight.cli.render.nodeids import common_directory, fit_nodeid
from pytest_insight.cli.terminal.styled import text_width

COUPON = "tests/unit/shop/test_shop.py::TestShop::test_coupon[ann-HALF-50.0-free]"
URL = "tests/test_hook.py::test_signed[https://a.example/b::c/d[0]-日本語の名前]"


@pytest.mark.parametrize(
    ("nodeid", "width", "lines"),
    [
        (COUPON, 80, COUPON),
        (COUPON, 70, "…/unit/shop/test_shop.py::TestShop::test_coupon[ann-HALF-50.0-free]"),
        (COUPON, 60, "…/test_shop.py::TestShop::test_coupon[ann-HALF-50.0-free]"),
        (COUPON, 50, "…/test_shop.py::TestShop::test_coupon[ann….0-free]"),
        (COUPON, 40, "tests/unit/shop/test_shop.py::TestShop|  ::test_coupon[ann-HALF-50.0-free]"),
        (COUPON, 20, "…/shop/test_shop.py|  ::TestShop|  ::test_coupon|  [ann-…F-50.0-free]"),
        (URL, 60, "…/test_hook.py::test_signed[https://a…::c/d[0]-日本語の名前]"),
        (URL, 30, "tests/test_hook.py|  ::test_signed[htt…語の名前]"),
        ("tests/unit/test_broken.py", 20, "…/test_broken.py"),
        ("tests/test_xxxxxxxxxxxxxxxxxxxxx.py", 15, "…/te…xxxxxxx.py"),
        ("tests/x.py::test_xxxxxxxxxxxxxxxxxxxxx_y", 15, "tests/x.py|  ::…xxxxxxxx_y"),
    ],
)
def test_the_directory_is_cut_then_parameters_and_then_names_are_wrapped(
    nodeid: str, width: int, lines: str
) -> None:
    found = fit_nodeid(nodeid, width, "…")
    assert "|".join(found) == lines
    assert max(map(text_width, found)) <= width


def test_a_common_directory_is_one_of_whole_folders() -> None:
    assert common_directory(["a/bc/x.py::t", "a/bd/y.py::t"]) == "a/"
    assert common_directory(["a/b/x.py::t[a/c]", "a/b/x.py"]) == "a/b/"
    assert common_directory(["a/x.py::t", "x.py::t"]) == ""
