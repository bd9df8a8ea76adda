"""The parser of JUnit XML.

The file is parsed as a stream by expat, and only its results are kept. A document type declaration
is refused: with it, a small file can grow to any size, or read other files.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from xml.parsers import expat

from pytest_insight._util.files import CHUNK_BYTES
from pytest_insight.errors import ExchangeError
from pytest_insight.exchange.draft import SessionDraft
from pytest_insight.exchange.input import Input
from pytest_insight.exchange.options import ReadOptions
from pytest_insight.exchange.readers.junit.cases import Cases
from pytest_insight.exchange.readers.junit.elements import (
    ATTEMPTS,
    OUTPUTS,
    REASONS,
    BoundedText,
    Case,
    Child,
    Suite,
)
from pytest_insight.limits import MAX_TAG_BYTES

ROOTS = frozenset({"testsuites", "testsuite"})
_CHILDREN = REASONS | OUTPUTS | ATTEMPTS
_PARTS = OUTPUTS | {"stackTrace"}
"""Elements in those of Surefire's attempts."""


def looks_like_junit(head: bytes) -> bool:
    """Return whether the root element of a file that begins with these bytes is a test suite."""
    return root_element(head) in ROOTS


def root_element(head: bytes) -> str | None:
    """Return the name of the root element; None if the bytes begin neither XML nor HTML."""
    if head.lstrip()[:14].lower() == b"<!doctype html":  # lower case is not XML
        return "html"
    found: list[str] = []
    parser = expat.ParserCreate("utf-8")  # what `Input.head` is, whatever the file declares

    def start(name: str, _: dict[str, str]) -> None:
        if not found:
            found.append(name)

    parser.StartElementHandler = start
    with suppress(expat.ExpatError, LookupError, ValueError):  # the rest may be cut or broken
        parser.Parse(head, False)
    return found[0] if found else None


def read(file: Input, options: ReadOptions) -> list[SessionDraft]:
    """Read the session of a file.

    Raises:
        ExchangeError: it is not JUnit XML, or a value is invalid; the error names the line.
    """
    parser = _Parser(file.source, options)
    with file.open() as stream:
        parser.parse(stream.read)
    return [parser.cases.session()]


class _Parser:
    """Makes cases of the elements of a file while they come in.

    Attributes:
        cases: what becomes of them.
    """

    def __init__(self, source: str, options: ReadOptions) -> None:
        self.cases = Cases(source, options)
        self._source = source
        self._case: Case | None = None
        self._child: Child | None = None
        self._in_part = False
        self._text = BoundedText()
        self._suites = 0  # open `testsuite` elements
        self._has_begun = False
        self._expat = parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start_root
        parser.EndElementHandler = self._end
        parser.StartDoctypeDeclHandler = self._refuse_doctype

    def parse(self, read: Callable[[int], bytes]) -> None:
        """Parse a file whose bytes the function returns.

        Raises:
            ExchangeError: as `read` of the module.
        """
        try:
            fed = 0
            while chunk := read(CHUNK_BYTES):
                self._expat.Parse(chunk, False)
                fed += len(chunk)
                self._refuse_endless(fed - self._expat.CurrentByteIndex)
            self._expat.Parse(b"", True)
        except expat.ExpatError as exc:
            self._refuse_syntax(exc)
        except (LookupError, ValueError) as exc:  # the declared encoding is unknown
            if self._has_begun:
                raise
            raise ExchangeError(
                f"{self._source} cannot be read as XML: {exc} in line 1", self._source
            ) from exc
        finally:
            # Its methods refer to this object: a cycle, with all results in it.
            self._expat = expat.ParserCreate()

    def _start_root(self, name: str, attributes: dict[str, str]) -> None:
        self._has_begun = True
        if name not in ROOTS:
            raise ExchangeError(
                f"{self._source} is no JUnit XML: its root element is {name[:80]!r}, not "
                f"'testsuites' or 'testsuite', in line {self._expat.CurrentLineNumber}",
                self._source,
            )
        self._expat.StartElementHandler = self._start
        self._start_suite(name, attributes)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if self._case is not None:
            self._start_in_case(self._case, name, attributes)
        elif name == "testcase":
            self._case = Case(self._expat.CurrentLineNumber, attributes)
        elif name in ROOTS:
            self._start_suite(name, attributes)
        elif name == "property":
            self.cases.add_property(attributes)
        elif name in OUTPUTS and self._suites:
            self._child = Child(name, attributes)
            self._begin_text()

    def _start_suite(self, name: str, attributes: dict[str, str]) -> None:
        is_root = name == "testsuites"
        is_nested = not is_root and self._suites > 0
        self._suites += not is_root
        self.cases.begin_suite(Suite(self._expat.CurrentLineNumber, attributes, is_root, is_nested))

    def _start_in_case(self, case: Case, name: str, attributes: dict[str, str]) -> None:
        if self._child is not None:
            if name in _PARTS:
                self._child.text += self._text.text()
                self._in_part = True
                self._begin_text()
        elif name in _CHILDREN:
            self._child = Child(name, attributes)
            case.children.append(self._child)
            self._begin_text()
        elif name == "property":
            case.properties.append((attributes.get("name", ""), attributes.get("value", "")))

    def _end(self, name: str) -> None:
        child, case = self._child, self._case
        if child is not None:
            self._end_in_child(child, name)
        elif name == "testcase" and case is not None:
            self._case = None
            self.cases.add(case)
        elif name == "testsuite" and case is None:
            self._suites -= 1

    def _end_in_child(self, child: Child, name: str) -> None:
        if self._in_part and name in _PARTS:
            child.parts[name] = child.parts.get(name, "") + self._text.text()
            self._in_part = False
            self._begin_text()
        elif name == child.kind:
            child.text += self._text.text()
            self._child = None
            self._expat.CharacterDataHandler = None
            if self._case is None:
                self.cases.add_output_of_suite(child)

    def _begin_text(self) -> None:
        self._text = BoundedText()
        self._expat.CharacterDataHandler = self._text.append

    def _refuse_doctype(self, name: str, *_: object) -> None:
        raise ExchangeError(
            f"{self._source} has a document type declaration (<!DOCTYPE {name[:80]}>) in line "
            f"{self._expat.CurrentLineNumber}: such files are refused, as entities can grow to any "
            "size; remove it",
            self._source,
        )

    def _refuse_endless(self, waiting: int) -> None:
        """Raise if too many bytes wait for the end of a tag: expat reads them again each time."""
        if waiting > MAX_TAG_BYTES:
            raise ExchangeError(
                f"{self._source} cannot be read as XML: a tag or comment in line "
                f"{self._expat.CurrentLineNumber} is longer than {MAX_TAG_BYTES >> 20} MiB",
                self._source,
            )

    def _refuse_syntax(self, exc: expat.ExpatError) -> None:
        why = expat.ErrorString(exc.code)
        if exc.code in _CUT:
            why += "; the file seems to be cut short"
        raise ExchangeError(
            f"{self._source} cannot be read as XML: {why}: line {exc.lineno} column "
            f"{exc.offset + 1}",
            self._source,
        ) from exc


_CUT = frozenset(
    expat.errors.codes[text]
    for text in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
    )
)
"""What expat says of a file that ends too early."""
