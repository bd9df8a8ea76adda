"""Parts of nodeids: the file, the names in it, the parameters."""

from __future__ import annotations

from typing import NamedTuple


class NodeName(NamedTuple):
    """A nodeid in parts.

    Attributes:
        file: the path.
        names: the classes and the function, as in "TestCart::test_add"; empty for a file.
        parameters: what is in brackets, with them; empty without parameters.
    """

    file: str
    names: str
    parameters: str


def split_nodeid(nodeid: str) -> NodeName:
    """Return the parts of a nodeid."""
    file, _, rest = nodeid.partition("::")
    names, bracket, parameters = rest.partition("[")
    return NodeName(file, names, bracket + parameters)


def is_file(nodeid: str) -> bool:
    """Return whether it names a file or folder, which could not be collected or was skipped."""
    return "::" not in nodeid


def is_under(nodeid: str, place: str) -> bool:
    """Return whether a test is the one that is named, or in that class, file or folder."""
    if nodeid == place or place in ("", ".", "(collection)"):
        return True
    place = place.rstrip("/")
    return nodeid.startswith((f"{place}/", f"{place}::", f"{place}["))
