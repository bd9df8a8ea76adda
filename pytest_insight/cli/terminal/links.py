"""Links that a terminal opens: to files of the project in the current folder, and to web pages.

They are OSC 8 sequences (https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda), which
Rich writes for the style `link URL`. Names come from outside: every URL is percent-encoded, so that
none can end its sequence, and only `file`, `http` and `https` are linked.
"""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_insight.cli.terminal.styled import Styled, styled
from pytest_insight.errors import InsightError

if TYPE_CHECKING:
    from pytest_insight.profiles.project import Project

MAX_URL = 2_083
"""The longest URL in characters that terminals are asked to take."""

_IN_URLS = "!#$%&'()*+,/:;=?@[]~"
"""What stays as it is in a URL, besides letters, digits and `_.-`."""


def linked_place(place: str, sut_name: str, style: str = "") -> Styled:
    """Return a place with a link to its file if that is in the project in the current folder.

    Args:
        place: `path:line`, the path relative to the root folder of the project or absolute.
        sut_name: the SUT that it is a place of. In the project of another SUT nothing is linked,
            as projects have files of equal names.
        style: the style of the text.
    """
    return styled(place, style=f"{style} {_link_to_place(place, sut_name)}".strip())


def linked_page(text: str, url: str) -> Styled:
    """Return a text with a link to a web page, unless the URL is of another kind or unsafe."""
    return styled(text, style=_link_to_page(url))


def _link_to_place(place: str, sut_name: str) -> str:
    path, _, line = place.rpartition(":")
    if not path or not line.isdecimal() or not _links_shown():
        return ""
    project = _project(os.getcwd())  # noqa: PTH109
    if project is None or project.sut_name != sut_name:
        return ""
    # By names alone: a path outside of the project, perhaps on a server, is not even looked at.
    file = Path(os.path.normpath(project.root / path))
    try:
        if not file.is_relative_to(project.root) or not file.is_file():
            return ""
    except (OSError, ValueError):
        return ""
    from socket import gethostname

    return _link(f"file://{gethostname()}{file.as_uri().removeprefix('file://')}")


def _link_to_page(url: str) -> str:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        return ""
    return _link(url) if _links_shown() else ""


def _link(url: str) -> str:
    """Return the style of a link; "" if the URL is too long."""
    from urllib.parse import quote

    encoded = quote(url, safe=_IN_URLS, errors="replace")
    return f"link {encoded}" if len(encoded) <= MAX_URL else ""


def _links_shown() -> bool:
    """Return whether stdout is a terminal with colours; a pipe gets no links."""
    # On a terminal that cannot show colours Rich leaves links out, but not for NO_COLOR.
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


@lru_cache(maxsize=1)
def _project(folder: str) -> Project | None:  # noqa: ARG001 - the key of the cache
    from pytest_insight.profiles.project import find_project

    try:
        return find_project()
    except InsightError:
        return None
