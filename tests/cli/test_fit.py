"""How texts fit a width."""

from __future__ import annotations

import re
from itertools import accumulate

from pytest_insight.cli.render.fit import cut_end, cut_middle, folded
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


def test_an_escape_is_cut_out_whole() -> None:
    for text in (r"[\x1b\u202e\U0001f600\n\\x]" * 4, "本\\u65e5" * 9):
        whole = set(cuts_between_escapes(text))
        for width in range(4, len(text)):
            shown = cut_end(text, width, "…")
            assert shown == text or len(shown) - 1 in whole
            head, mark, tail = cut_middle(text, width, "…").partition("…")
            assert not mark or {len(head), len(text) - len(tail)} <= whole


def cuts_between_escapes(text: str) -> list[int]:
    pieces = re.findall(r"\\x..|\\u....|\\U........|\\.|[^\\]", text)
    return [0, *accumulate(map(len, pieces))]
