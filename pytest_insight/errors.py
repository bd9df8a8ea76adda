"""Every error that pytest-insight raises on purpose.

All derive from `InsightError` and carry what they are about as attributes. They can be pickled and
copied, for instance to hand them on from a worker process. The command line catches `InsightError`
in one place and prints its message; any other exception is a bug and is shown with its traceback.
"""

from __future__ import annotations

import copyreg
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pytest_insight.limits import MAX_SHOWN
from pytest_insight.passwords import hide_passwords

__all__ = [
    "ExchangeError",
    "InsightError",
    "InvalidArgumentError",
    "InvalidImportError",
    "InvalidProfileError",
    "InvalidQueryParameterError",
    "InvalidSessionError",
    "NewerFormatError",
    "ProfileError",
    "StorageError",
    "StoreDamageWarning",
    "StoreLockedError",
    "UnknownChoiceError",
    "UnknownProfileError",
]


def __dir__() -> list[str]:
    return __all__


class InsightError(Exception):
    """Base class of all errors that the user can act on.

    The message is one sentence: what is wrong, where, and what to do now. It has no passwords, even
    if it quotes a URL that was given instead of a name or a file. The name of an option may be
    followed by that of an argument in Python (`PYTHON_ARGUMENTS`).
    """

    def __init__(self, message: str) -> None:
        super().__init__(hide_passwords(message))

    def __reduce__(self) -> tuple[Any, ...]:
        # Restores arguments and attributes without `__init__`, which takes others in subclasses.
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]  # missing in typeshed


PYTHON_ARGUMENTS = (
    " (input_format=)",
    " (output_format=)",
    " (skip_invalid=True)",
    " (session_ids=)",
    " (split=True)",
    " (sut=)",
    " (started=)",
    " (for_sut())",
)
"""Arguments that messages name after the option; the command line leaves them out."""


class InvalidArgumentError(InsightError, ValueError):
    """An argument makes no sense or can never match anything."""


InvalidQueryParameterError = InvalidArgumentError
"""The former name of `InvalidArgumentError`."""

NEAR = 0.7
"""The least similarity of a name and a suggestion (`difflib`): "remove" must not give "rename"."""


def near_names(
    given: str, known: Iterable[str], most: int = 3, at_least: float = NEAR
) -> list[str]:
    """Return the known names that resemble an unknown one, best first."""
    import difflib  # slow to import, and only needed for an error

    return difflib.get_close_matches(given, list(known), n=most, cutoff=at_least)


MAX_CHOICES = 12
"""Choices that the message of an `UnknownChoiceError` lists."""


class UnknownChoiceError(InsightError, ValueError):
    """A name is not one of a closed set: a storage type, a format, a merge strategy, a profile.

    Attributes:
        kind: what was to be chosen ("merge strategy").
        given: the unknown name.
        choices: the valid names, sorted.
        near: the valid names that resemble `given`, best first.
    """

    def __init__(self, kind: str, given: str, choices: Iterable[str], hint: str = "") -> None:
        import difflib  # slow to import, and only needed here

        self.kind = kind
        self.given = given
        self.choices = sorted(map(str, choices))  # members of a `StrEnum` too
        begin = [name for name in self.choices if given and name.startswith(given)]
        near = near_names(given, self.choices)
        if near:  # "xfailed" is near "fialed", but "failed" is nearer
            best = difflib.SequenceMatcher(None, near[0], given).ratio()
            near = near_names(given, near, at_least=best - 0.05)
            begin = [name for name in begin if name not in near][: 3 - len(near)]
        self.near = near + begin
        answer = self._answer()
        if hint:  # a new sentence after a question
            hint = f" {hint[0].upper()}{hint[1:]}" if answer.endswith("?") else f"; {hint}"
        super().__init__(f"unknown {kind} {given!r}{answer}{hint}")

    def _answer(self) -> str:
        if self.near:
            return f"; did you mean {alternatives([repr(name) for name in self.near])}?"
        if not self.choices:
            return ""
        listed = self.choices[:MAX_CHOICES]
        more = len(self.choices) - len(listed)
        others = [f"one of {more:,} others"] if more else []
        return f"; choose {alternatives([*listed, *others])}"


class ProfileError(InsightError, ValueError):
    """A profile cannot be created, changed or read.

    Attributes:
        name: the profile's name, None if the error is not about a single profile.
    """

    def __init__(self, message: str, name: str | None = None) -> None:
        self.name = name
        super().__init__(message)


class InvalidProfileError(ProfileError, InvalidArgumentError):
    """A profile's name is not allowed, or its type and its place contradict each other."""


class UnknownProfileError(UnknownChoiceError):
    """A profile does not exist. Asking for a profile never creates it.

    Attributes:
        named_by: the environment variable or file that names the profile, "" if an argument does.
    """

    def __init__(self, name: str, known: Iterable[str], named_by: str = "") -> None:
        self.named_by = named_by
        hint = f"to create it: insight profile create {name}" if _is_plain(name) else ""
        super().__init__("profile", name, known, hint)
        if named_by:
            self.args = (f"{named_by}: {self.args[0]}",)


class StorageError(InsightError):
    """A store cannot be read or written.

    Attributes:
        where: the store's path or URL.
    """

    def __init__(self, message: str, where: Path | str) -> None:
        self.where = where
        super().__init__(message)


class StoreLockedError(StorageError):
    """Another process holds the writer lock of a store.

    Attributes:
        lock_path: the lock file.
        waited: seconds until we gave up.
    """

    def __init__(self, where: Path, lock_path: Path, waited: float) -> None:
        self.lock_path = lock_path
        self.waited = waited
        super().__init__(
            f"cannot write {where}: another process has held its lock {lock_path} for more than "
            f"{waited:g} s; wait for that process to finish, or end it, then try again",
            where,
        )


class NewerFormatError(StorageError):
    """A store was written by a newer pytest-insight; this version might lose parts of it.

    Attributes:
        found: the format's version in the store.
        known: the newest version that can be read.
    """

    def __init__(self, where: Path | str, found: int, known: int) -> None:
        self.found = found
        self.known = known
        super().__init__(
            f"{where} was written by a newer pytest-insight (format {found}; this one reads "
            f"{known}): upgrade with pip install --upgrade pytest-insight",
            where,
        )


class InvalidSessionError(InsightError, ValueError):
    """A `TestSession` has an invalid field, for instance a naive time or a negative duration."""


class ExchangeError(InsightError):
    """A file cannot be imported or exported.

    Attributes:
        source: the file's name.
    """

    def __init__(self, message: str, source: str) -> None:
        self.source = source
        super().__init__(message)


class InvalidImportError(ExchangeError):
    """A file to import contains invalid sessions; nothing was imported.

    Attributes:
        problems: what is wrong, each with its place (`exchange.file_content.Problem`); at
            most the first 10,000. The message shows the first 1,000.
        problem_count: how many problems there are.
        total: sessions in the file, valid or not.
    """

    def __init__(
        self, source: str, problems: Sequence[object], total: int, problem_count: int | None = None
    ) -> None:
        self.problems = problems
        self.problem_count = len(problems) if problem_count is None else problem_count
        self.total = total
        count = f"{self.problem_count:,} problem{'' if self.problem_count == 1 else 's'}"
        lines = "\n".join(f"  {line}" for line in list_first(problems, self.problem_count))
        name = source.replace("\n", r"\n")  # the only line breaks are those between problems
        super().__init__(
            f"{name} was not imported, nothing was changed; it has {count}:\n{lines}\n"
            "Correct them, or import the rest with --skip-invalid (skip_invalid=True).",
            source,
        )


class StoreDamageWarning(UserWarning):
    """Part of a store cannot be read; the rest was read, and the damaged file was copied."""

    def __init__(self, message: str) -> None:
        super().__init__(message)


def list_first(
    things: Sequence[object], count: int | None = None, most: int = MAX_SHOWN
) -> list[str]:
    """Return the first items as text, and a last line that counts the others.

    Args:
        things: the items.
        count: the number of items, if `things` holds only the first of them.
        most: how many items are returned.
    """
    more = (len(things) if count is None else count) - min(len(things), most)
    return [*map(str, things[:most]), *([f"and {more:,} more"] if more else ())]


def _is_plain(name: str) -> bool:
    """Return whether `name` can be pasted into any shell unquoted."""
    return bool(name) and all(c.isalnum() or c in "._-" for c in name) and name[0] not in ".-"


def alternatives(names: Iterable[str]) -> str:
    """Return names as in "a, b or c"."""
    names = list(names)
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
