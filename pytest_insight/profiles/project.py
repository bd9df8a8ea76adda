"""The project in the current folder: its root, and what its pytest configuration says of recording.

The file is found and read as pytest does it without arguments (docs.pytest.org, "Configuration
file formats" and "Finding the rootdir"). Left aside: `-c`, `--rootdir` and `PYTEST_ADDOPTS`, which
belong to one run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from pytest_insight._util.files import os_error_text
from pytest_insight.errors import InsightError

_NAMES = (
    *("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini"),
    *("pyproject.toml", "tox.ini", "setup.cfg"),
)
"""The files that may hold a pytest configuration; of several in one folder the first is used."""

CAUSE_MASKS = "insight_cause_masks"
"""The setting with regular expressions for `analysis.causes`."""

_Settings = Mapping[str, Any]


class Project(msgspec.Struct, frozen=True):
    """A folder in which pytest would run, and its settings.

    Attributes:
        root: the root folder, pytest's `rootdir`.
        file: the configuration file; None without one.
        profile: the profile that `insight_profile` names; None if it names none.
        sut_name: the system under test, as a recorded run would name it.
        cause_masks: the regular expressions of `insight_cause_masks`.
    """

    root: Path
    file: Path | None
    profile: str | None
    sut_name: str
    cause_masks: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The file and its folder, for people: `pyproject.toml of ~/code/shop`."""
        from pytest_insight.locations import display_path

        folder = display_path(self.root)
        return f"{self.file.name} of {folder}" if self.file else folder


def find_project() -> Project | None:
    """Return the project in the current folder or above it; None if there is no current folder.

    Without a configuration file and without a `setup.py` above, the root is the current folder.

    Raises:
        InsightError: a configuration file cannot be read, or a setting is of the wrong type.
    """
    try:
        folder = Path.cwd()
    except FileNotFoundError:
        return None
    for file in _files(folder):
        settings = _read(file)
        if settings is not None:
            return _project(file.parent, file, settings)
    above = (folder, *folder.parents)
    for marker in ("pyproject.toml", "setup.py"):  # a pyproject.toml without settings of pytest
        for root in above:
            if (root / marker).is_file():
                return _project(root, None, {})
    return _project(folder, None, {})


def _files(folder: Path) -> Iterator[Path]:
    for each in (folder, *folder.parents):
        for name in _NAMES:
            if (each / name).is_file():
                yield each / name


def _read(file: Path) -> _Settings | None:
    """Return the settings of pytest in a file; None if it has no section for them."""
    try:
        return _parse(file, file.read_text("utf-8"))
    except (OSError, ValueError) as exc:
        why = os_error_text(exc) if isinstance(exc, OSError) else exc
        raise _error(file, str(why)) from exc


@lru_cache(maxsize=8)  # a command asks several times, and parsing takes milliseconds
def _parse(file: Path, text: str) -> _Settings | None:
    return _parse_toml(file, text) if file.suffix == ".toml" else _parse_ini(file, text)


def _parse_toml(file: Path, text: str) -> _Settings | None:
    import tomllib  # most folders have no such file

    document = tomllib.loads(text)
    if file.name != "pyproject.toml":
        return _table(document, "pytest") or {}
    table = _table(_table(document, "tool"), "pytest")
    native = {key: value for key, value in table.items() if key != "ini_options"}
    if native or "ini_options" not in table:
        return native or None
    # There, pytest makes texts of all values but lists.
    return {
        key: value if isinstance(value, list) else str(value)
        for key, value in _table(table, "ini_options").items()
    }


def _table(parent: _Settings, name: str) -> _Settings:
    found = parent.get(name, {})
    if not isinstance(found, Mapping):
        raise ValueError(f"{name} is not a table")
    return found


def _parse_ini(file: Path, text: str) -> _Settings | None:
    from iniconfig import IniConfig, ParseError

    try:
        sections = IniConfig(str(file), text)
    except ParseError as exc:
        raise ValueError(exc) from exc
    section = "tool:pytest" if file.name == "setup.cfg" else "pytest"
    if section in sections:
        return dict(sections[section].items())
    return {} if file.name in {"pytest.ini", ".pytest.ini"} else None


def _project(root: Path, file: Path | None, settings: _Settings) -> Project:
    options = _options(file, settings)

    def setting(name: str) -> str | None:
        value = options.get(name, settings.get(f"insight_{name}"))
        if value is not None and not isinstance(value, str):
            raise _error(file, f"insight_{name} is {value!r}, not a text")
        return value or None

    sut_name = setting("sut") or root.name or "root"
    return Project(root, file, setting("profile"), sut_name, _lines(file, settings, CAUSE_MASKS))


def _lines(file: Path | None, settings: _Settings, key: str) -> tuple[str, ...]:
    """Return the texts of a setting that is a list in TOML, and lines in an ini file."""
    value = settings.get(key, [])
    lines = value.splitlines() if isinstance(value, str) else value
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise _error(file, f"{key} is {value!r}, not a list of texts")
    return tuple(line.strip() for line in lines if line.strip())


def _options(file: Path | None, settings: _Settings) -> dict[str, str]:
    """Return the values of `--insight-profile` and `--insight-sut` in `addopts`."""
    given = settings.get("addopts", [])
    try:
        import shlex

        arguments = shlex.split(given) if isinstance(given, str) else [str(each) for each in given]
    except (TypeError, ValueError) as exc:
        raise _error(file, f"addopts: {exc}") from exc
    found = {}
    for index, argument in enumerate(arguments):
        option, equals, value = argument.partition("=")
        name = option.removeprefix("--insight-")
        if option != name and name in {"profile", "sut"}:
            found[name] = value if equals else "".join(arguments[index + 1 : index + 2])
    return found


def _error(file: Path | None, why: str) -> InsightError:
    return InsightError(
        f"the settings of pytest in {file} cannot be read: {why}; correct the file, or name the "
        "profile with --profile"
    )
