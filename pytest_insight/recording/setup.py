"""Everything that is decided before the run starts: where it is recorded, and under which name."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pytest_insight import locations
from pytest_insight.errors import InsightError, ProfileError, UnknownChoiceError
from pytest_insight.profiles.manager import ProfileManager
from pytest_insight.profiles.profile import StorageProfile
from pytest_insight.recording.destination import Destination
from pytest_insight.recording.facts.ci import ci_facts
from pytest_insight.recording.recorder import Recorder, Settings
from pytest_insight.recording.redaction import CAPTURES, Texts, environment_secrets
from pytest_insight.storage.choice import Reason, choose

_STORAGE_VARIABLES = (
    locations.PROFILE_VARIABLE,
    locations.STORAGE_TYPE_VARIABLE,
    locations.DB_PATH_VARIABLE,
)


class NotRecorded:
    """Stands for the recorder where there can be none, and says so at the end of the run."""

    def __init__(self, why: str) -> None:
        self._why = " ".join(why.split())

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """One line."""
        line = f"insight: this run is NOT recorded: {self._why}"
        terminalreporter.write_line(line, yellow=True)


def make_recorder(config: pytest.Config) -> Recorder | NotRecorded:
    """The recorder of this run; no fault but that of an option keeps the run from starting.

    Raises:
        pytest.UsageError: an option, ini value or variable names something that cannot be; the run
            does not start.
    """
    try:
        return Recorder(config, _settings(config))
    except (UnknownChoiceError, ProfileError) as exc:
        if _named(config) is None and not any(map(locations.variable, _STORAGE_VARIABLES)):
            return NotRecorded(str(exc))  # it is the file of profiles that names something wrong
        raise _usage_error(str(exc)) from exc
    except InsightError as exc:
        return NotRecorded(str(exc))
    except pytest.UsageError:
        raise
    except Exception as exc:  # noqa: BLE001 - whatever it is, the run must go on
        return NotRecorded(f"{type(exc).__name__}: {exc}")


def _settings(config: pytest.Config) -> Settings:
    texts = _texts(config)
    tags = _tags(config.option.insight_tag)
    sut_name = _sut_name(config)
    profile, reason = _choice(config)
    return Settings(
        destination=Destination(profile, reason),
        journal_folder=_journal_folder(profile.path),
        sut_name=texts.hide(sut_name),
        tags=texts.redacted(tags),
        texts=texts,
        ours=_ours(profile.path),
        branch=ci_facts(os.environ).get("branch", ""),
    )


def _named(config: pytest.Config) -> str | None:
    """The profile that the option or the ini key names."""
    name: str | None = config.option.insight_profile
    if name is None and not any(map(locations.variable, _STORAGE_VARIABLES)):
        name = config.getini("insight_profile") or None
    return name


def _choice(config: pytest.Config) -> tuple[StorageProfile, Reason]:
    name = _named(config)
    if name is not None:
        _create_where_missing(name)
    return choose(name)


def _create_where_missing(name: str) -> None:
    """The recorder alone may create what it was told to use: a fresh CI machine just works."""
    manager = ProfileManager()
    try:
        known = manager.list_profiles()
    except ProfileError as exc:  # a broken file, which is no mistake in an option
        raise InsightError(str(exc)) from exc
    if name in known:
        return
    try:
        manager.create_profile(name)
    except ProfileError:
        if name not in manager.list_profiles():  # else another run was quicker
            raise


def _ours(store: Path | None) -> tuple[Path, ...]:
    files = [] if store is None else [store, store.with_name(store.name + ".lock")]
    folders = [_journal_folder(store)]
    with suppress(InsightError):  # without a home folder there is nothing of ours in it
        folders.append(locations.home())
    return (*files, *folders)


def _journal_folder(store: Path | None) -> Path:
    """Where journals are kept; beside the store where nobody has a home folder (a container)."""
    try:
        return locations.journal_folder()
    except InsightError:
        if store is None:
            raise
        return store.parent / "journal"


def _sut_name(config: pytest.Config) -> str:
    given: str | None = config.option.insight_sut
    if given is None:
        given = config.getini("insight_sut") or config.rootpath.name or "root"
    name: str = given
    if not name.strip():
        raise _usage_error("the name of the system under test is blank")
    return name


def _tags(given: list[str]) -> dict[str, str]:
    tags = {}
    for tag in given:
        key, equals, value = tag.partition("=")
        if not equals or not key.strip():
            raise _usage_error(
                f"--insight-tag takes KEY=VALUE, as in --insight-tag ci=nightly, not {tag!r}"
            )
        tags[key.strip()] = value
    return tags


def _texts(config: pytest.Config) -> Texts:
    capture = config.getini("insight_capture")
    if capture not in CAPTURES:
        raise _usage_error(f"insight_capture is one of {', '.join(CAPTURES)}, not {capture!r}")
    given = config.getini("insight_max_output")
    if not (given.isascii() and given.isdigit() and len(given) <= 12):
        raise _usage_error(f"insight_max_output is a number of characters, not {given!r}")
    patterns = config.getini("insight_redact")
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as exc:
            raise _usage_error(
                f"in insight_redact, {pattern!r} is not a regular expression: {exc}"
            ) from exc
    return Texts(capture, int(given), environment_secrets(), patterns)


def _usage_error(sentence: str) -> pytest.UsageError:
    return pytest.UsageError(f"pytest-insight: {sentence}")
