"""Nodeids from the dotted names that pytest writes into JUnit files, which lose a part of them.

`classname` is the path with `/` as `.` and without `.py`, then the classes, joined by `.`; `name`
is the rest. A directory, a dot in a directory's name, a module and a class all look the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from pytest_insight.exchange.paths import is_folder, is_inside
from pytest_insight.limits import MAX_JOINED_PARTS, MAX_NAME_PARTS

_MODULE = re.compile(r"test_.*|.*_test|conftest")


class Place(NamedTuple):
    """The place of the tests with one classname.

    Attributes:
        prefix: their nodeids up to the name of the test, as in `tests/test_a.py::TestB::`.
        guessed: nothing confirms it.
    """

    prefix: str
    guessed: bool


class Nodeids:
    """Finds the nodeids of tests with pytest's `classname` and `name`."""

    def __init__(
        self, known: Callable[[], Collection[str]] = tuple, root: Path | None = None
    ) -> None:
        """Start with what can confirm a nodeid.

        Args:
            known: returns exact nodeids of earlier runs; called if they are needed.
            root: the root folder of the tests.
        """
        self._root = root
        self._load = known
        self._found: dict[tuple[str, str], Place] = {}

    def place(self, classname: str, file: str = "", name: str = "") -> Place:
        """Return the place of the tests with a classname.

        Tried in this order: nodeids that are known; files below the root folder; the file of the
        test's function; a segment that is named like a test module; the first one in capitals,
        which begins the classes.

        Args:
            classname: as in the file.
            file: the file in which the test's function is defined; empty if it is unknown.
            name: the test's name; that of a doctest in a text file is the file's.
        """
        found = self._found.get((classname, file))
        if found is None:
            is_text = "." in name and classname.endswith(f".{name}")
            found = self._find(classname, file, name if is_text else "")
            self._found[classname, file] = found
        return found

    def path(self, dotted: str) -> Place:
        """Return the path of a module or folder with a dotted name; the prefix has no `::`."""
        place = self.place(dotted)
        return Place(place.prefix.removesuffix("::").replace("::", "/"), place.guessed)

    @cached_property
    def _known(self) -> dict[str, set[str]]:
        """The prefixes of known nodeids, by classname."""
        known: dict[str, set[str]] = {}
        for nodeid in self._load():
            classname, prefix = _classname(nodeid)
            known.setdefault(classname, set()).add(prefix)
        return known

    def _find(self, classname: str, file: str, text_file: str) -> Place:
        segments = classname.split(".")
        # `--junitprefix` puts further segments in front; nothing says how many.
        for start in range(len(segments) if len(segments) <= MAX_NAME_PARTS else 0):
            rest = segments[start:]
            prefixes = self._known.get(".".join(rest), set())
            if len(prefixes) == 1:
                return Place(next(iter(prefixes)), guessed=False)
            prefix = self._below_root(rest)
            if prefix is not None:
                return Place(prefix, guessed=False)
        if file:
            path = file.replace("\\", "/")
            dotted = path.removesuffix(".py").replace("/", ".")
            if classname == dotted or classname.startswith(f"{dotted}."):
                classes = classname[len(dotted) + 1 :].split(".")
                return Place("::".join([path, *filter(None, classes), ""]), guessed=False)
        if text_file:
            folders = classname.removesuffix(f".{text_file}").replace(".", "/")
            return Place(f"{folders}/{text_file}::", guessed=True)
        return Place(_guess(segments), guessed=True)

    def _below_root(self, segments: list[str], folder: str = "") -> str | None:
        """Return the prefix with the deepest file below a folder in the root; None without one."""
        if self._root is None:
            return None
        sizes = range(1, min(len(segments), MAX_JOINED_PARTS) + 1)
        names = [".".join(segments[:size]) for size in sizes]  # a name may have dots itself
        for size, name in zip(sizes, names, strict=True):
            if name.strip(".") and is_folder(self._root / f"{folder}{name}"):
                found = self._below_root(segments[size:], f"{folder}{name}/")
                if found is not None:
                    return found
        for size, name in reversed(list(zip(sizes, names, strict=True))):
            # A module; else a text file with doctests, or a file that a plugin collects.
            for path in (f"{folder}{name}.py", f"{folder}{name}" if size > 1 else ""):
                if path and is_inside(self._root, path):
                    return "::".join([path, *segments[size:], ""])
        return None


def _classname(nodeid: str) -> tuple[str, str]:
    """Return the classname that pytest gives a test (`mangle_test_address`), and its prefix."""
    path, _, rest = nodeid.partition("::")
    names = rest.partition("[")[0].split("::")  # parameters may contain `::`
    module = path.replace("/", ".").removesuffix(".py")
    prefix = "::".join([path, *names[:-1], ""])
    return ".".join([module, *names[:-1]]), prefix


def _guess(segments: list[str]) -> str:
    modules = [position for position, name in enumerate(segments) if _MODULE.fullmatch(name)]
    classes = [position for position, name in enumerate(segments) if name[:1].isupper()]
    end = modules[-1] + 1 if modules else max(classes[0], 1) if classes else len(segments)
    return "::".join([f"{'/'.join(segments[:end])}.py", *segments[end:], ""])
