"""The nodeid that a result is stored with: the test's own, however the tests are distributed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_insight.recording.redaction import TextPolicy


def name_encoder(config: pytest.Config, texts: TextPolicy) -> Callable[[str], bytes]:
    """Return the function that turns the nodeids of this run into JSON."""
    by_group = getattr(config.option, "dist", "") == "loadgroup"
    if by_group and pytest.version_tuple < (9, 2):
        return lambda nodeid: texts.encode_name(without_group(nodeid))
    return texts.encode_name


def without_group(nodeid: str) -> str:
    """Return a nodeid without the `@group` that `pytest-xdist --dist loadgroup` appends.

    Parameters and folders may contain an `@`; the names of classes and functions cannot.
    """
    name = max(nodeid.rfind("::"), nodeid.rfind("]"))
    at = nodeid.find("@", name + 1)
    return nodeid if at < 0 else nodeid[:at]
