"""How texts fit a width."""

from __future__ import annotations

from pytest_insight.cli.render.fit import folded
from pytest_insight.cli.terminal.styled import Styled


def test_a_comma_stays_with_what_it_follows_though_their_styles_differ() -> None:
    text = Styled(
        (("5 failed", "red"), (", ", ""), ("50 passed", "green"), (", ", ""), ("1 x", ""))
    )
    assert str(folded(text, 19)) == "5 failed, \n50 passed, 1 x"
    assert str(folded(text, 20)) == "5 failed, 50 passed, \n1 x"
    assert str(folded(text, 24)) == str(text)


def test_a_fold_keeps_every_style() -> None:
    text = Styled((("a/b", "red"), ("c/d", "blue")))
    assert folded(text, 2).pieces == (
        *[("a/", "red"), ("\n", ""), ("b", "red"), ("c/", "blue"), ("\n", ""), ("d", "blue")],
    )
