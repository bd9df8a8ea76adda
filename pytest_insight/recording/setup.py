"""Everything that is decided before the run starts: where it is recorded, and under which name."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from pytest_insight import locations
from pytest_insight.errors import InsightError
from pytest_insight.recording.ci import ci_facts
from pytest_insight.recording.journal import Target
from pytest_insight.recording.recorder import Recorder, Settings
from pytest_insight.recording.texts import CAPTURES, Texts, environment_secrets
from pytest_insight.storage.access import Choice, choose, open_choice
from pytest_insight.storage.profiles import ProfileManager


def make_recorder(config: pytest.Config) -> Recorder:
    """The recorder of this run.

    Raises:
        pytest.UsageError: an option, ini value or variable names something that cannot be; the run
            does not start.
    """
    try:
        choice = _choice(config)
        profile = choice.profile
        texts = _texts(config)
        settings = Settings(
            storage=open_choice(choice),
            target=Target(
                profile.storage_type, str(profile.path) if profile.path else None, profile.name
            ),
            journal_folder=locations.journal_folder(),
            sut_name=texts.hide(_sut_name(config)),
            tags=texts.redacted(_tags(config.option.insight_tag)),
            texts=texts,
            ours=_ours(profile.path),
            branch=ci_facts(os.environ).get("branch", ""),
        )
    except InsightError as exc:
        raise _usage_error(str(exc)) from exc
    return Recorder(config, settings)


def _choice(config: pytest.Config) -> Choice:
    name = config.option.insight_profile or config.getini("insight_profile") or None
    if name and name not in ProfileManager().list_profiles():
        # The recorder alone may create what it was told to use: a fresh CI machine just works.
        ProfileManager().create_profile(name)
    return choose(name)


def _ours(store: Path | None) -> tuple[Path, ...]:
    files = [] if store is None else [store, store.with_name(store.name + ".lock")]
    return (*files, locations.home(), locations.journal_folder())


def _sut_name(config: pytest.Config) -> str:
    named: str = config.option.insight_sut or config.getini("insight_sut")
    name = named or config.rootpath.name or "root"
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
    if not re.fullmatch(r"[0-9]{1,12}", given):
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
