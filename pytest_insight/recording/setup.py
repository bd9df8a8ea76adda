"""Read the options of a recorded run and make its recorder."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from pytest_insight import locations
from pytest_insight.errors import (
    InsightError,
    InvalidArgumentError,
    ProfileError,
    UnknownChoiceError,
)
from pytest_insight.profiles.file import read_file
from pytest_insight.profiles.profile import StorageProfile
from pytest_insight.recording.destination import Destination
from pytest_insight.recording.facts.ci import ci_facts
from pytest_insight.recording.messages import Messages
from pytest_insight.recording.recorder import Recorder
from pytest_insight.recording.redaction import CAPTURES, TextPolicy, to_text
from pytest_insight.recording.secrets import (
    SecretHooks,
    environment_secrets,
    secrets_in,
    secrets_of,
    secrets_of_arguments,
)
from pytest_insight.recording.settings import FORMS, OFF, Settings
from pytest_insight.storage.choice import Reason, choose

_STORAGE_VARIABLES = (
    locations.PROFILE_VARIABLE,
    locations.STORAGE_TYPE_VARIABLE,
    locations.DB_PATH_VARIABLE,
)


class NotRecorded(Messages):
    """Registered instead of a recorder if a run cannot be recorded; prints why at start and end."""

    def __init__(self, why: str) -> None:
        line = f"this run is NOT recorded: {why}"
        super().__init__(line, line)


def make_recorder(config: pytest.Config, origin: str) -> Recorder | NotRecorded:
    """Return the recorder of this run; only a wrong option, ini value or variable stops the run.

    Args:
        config: that of pytest.
        origin: a text that no other run has, nor any on another machine; see `plugin`.

    Raises:
        pytest.UsageError: an option, ini value or variable is not valid.
    """
    try:
        settings = _settings(config, origin)
        recorder = Recorder(config, settings)
        config.pluginmanager.register(SecretHooks(settings.texts.add_secrets), "insight-secrets")
        return recorder
    except (UnknownChoiceError, ProfileError) as exc:
        if _profile_name(config) is None and not any(map(locations.variable, _STORAGE_VARIABLES)):
            return NotRecorded(str(exc))  # the profiles file is wrong, not an option
        raise usage_error(str(exc)) from exc
    except InsightError as exc:
        return NotRecorded(str(exc))
    except pytest.UsageError:
        raise
    except Exception as exc:  # noqa: BLE001 - an error must not end the run
        return NotRecorded(f"{type(exc).__name__}: {exc}")


def _settings(config: pytest.Config, origin: str) -> Settings:
    texts = _text_policy(config)
    tags = _tags(config.option.insight_tag, texts)
    sut_name = sut_name_of(config)
    profile, reason = choose_profile(config, create=True)
    given = list(map(to_text, config.invocation_params.args))
    texts.add_secrets(
        secrets_of(tags) | secrets_in(profile.url or "") | secrets_of_arguments(given)
    )
    ci = ci_facts(os.environ)
    return Settings(
        origin=origin,
        profile=profile,
        destination=Destination(profile, reason),
        journal_folders=_journal_folders(profile.path),
        sut_name=texts.hide(sut_name),
        tags=texts.redact(tags),
        texts=texts,
        own_paths=_own_paths(profile.path),
        ci=ci,
        verdicts=_verdicts(config),
        cause_masks=cause_masks_of(config),
        step_summary=_step_summary(config),
    )


def _profile_name(config: pytest.Config) -> str | None:
    """Return the profile that the option or the ini key names."""
    name: str | None = config.option.insight_profile
    if name is None and not any(map(locations.variable, _STORAGE_VARIABLES)):
        name = _ini_text(config, "insight_profile") or None
    return name


def choose_profile(config: pytest.Config, *, create: bool) -> tuple[StorageProfile, Reason]:
    """Return the profile of this run, and what decided.

    Args:
        config: that of pytest.
        create: whether a missing profile is created if the option or the ini key names it.

    Raises:
        InsightError: there is no such profile, or the profiles cannot be read.
    """
    name = _profile_name(config)
    if name is not None and create:
        _create_if_missing(name)
    return choose(name, ask_project=False)


def _create_if_missing(name: str) -> None:
    """Create a profile, so that recording works on a new CI machine without preparation."""
    profiles = locations.profiles_path()
    try:
        known = read_file(profiles).with_default()
    except ProfileError as exc:  # a broken file, not a wrong option
        raise InsightError(str(exc)) from exc
    if name in known:
        return
    from pytest_insight.profiles.manager import ProfileManager  # most runs create none

    try:
        ProfileManager().create_profile(name)
    except ProfileError:
        if name not in read_file(profiles).profiles:  # else another run created it first
            raise


def _own_paths(store: Path | None) -> tuple[Path, ...]:
    files = [] if store is None else [store, store.with_name(store.name + ".lock")]
    folders = [*locations.journal_folders(store), locations.home()]
    if store is not None:
        folders.append(locations.undo_folder(str(store)))
    return (*files, *folders)


def _journal_folders(store: Path | None) -> tuple[Path, ...]:
    """Return the folder to write the journal to, and the others that may have journals."""
    return tuple(
        dict.fromkeys([locations.journal_folder(store), *locations.journal_folders(store)])
    )


def sut_name_of(config: pytest.Config) -> str:
    """Return the system under test.

    Raises:
        pytest.UsageError: the name is blank.
    """
    given: str | None = config.option.insight_sut
    if given is None:
        given = _ini_text(config, "insight_sut") or config.rootpath.name or "root"
    name: str = given
    if not name.strip():
        raise usage_error("--insight-sut must not be blank; name the system under test")
    return name


def _tags(given: list[str], texts: TextPolicy) -> dict[str, str]:
    tags = {}
    for tag in given:
        key, equals, value = tag.partition("=")
        if not equals or not key.strip():
            raise usage_error(
                "--insight-tag must be KEY=VALUE, as in --insight-tag ci=nightly, not "
                f"{texts.hide(tag)!r}"
            )
        tags[key.strip()] = value
    return tags


def _text_policy(config: pytest.Config) -> TextPolicy:
    capture = _ini_text(config, "insight_capture")
    if capture not in CAPTURES:
        raise usage_error(f"insight_capture must be failed, all or none, not {capture!r}")
    given = _ini_text(config, "insight_max_output")
    if not (given.isascii() and given.isdigit() and len(given) <= 12):
        raise usage_error(f"insight_max_output must be a number of characters, not {given!r}")
    patterns = _ini_value(config, "insight_redact")
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as exc:
            raise usage_error(
                f"insight_redact: {pattern!r} is not a regular expression: {exc}"
            ) from exc
    return TextPolicy(capture, int(given), environment_secrets(), patterns)


def cause_masks_of(config: pytest.Config) -> tuple[str, ...]:
    """Return the regular expressions of `insight_cause_masks`.

    Raises:
        pytest.UsageError: one of them is wrong.
    """
    masks = tuple(_ini_value(config, "insight_cause_masks"))
    if masks:
        from pytest_insight.analysis.causes import CauseRules  # few projects have any

        try:
            CauseRules(masks)
        except InvalidArgumentError as exc:
            raise usage_error(f"insight_cause_masks: {exc}") from exc
    return masks


def _verdicts(config: pytest.Config) -> str:
    option: str | None = config.option.insight_verdicts
    form: str = _ini_text(config, "insight_verdicts") if option is None else option
    if form not in FORMS:
        name = "insight_verdicts" if option is None else "--insight-verdicts"
        raise usage_error(f"{name} must be short, full or off, not {form!r}")
    # Not `get_verbosity`: that of pytest 8.0 raises AttributeError with `-p no:terminal`.
    is_default = option is None and config.getoption("verbose", 0) < 0
    return OFF if is_default else form


def _step_summary(config: pytest.Config) -> Path | None:
    try:
        wanted = bool(config.getini("insight_github_summary"))
    except (ValueError, pytest.UsageError) as exc:  # depends on the version of pytest
        raise usage_error(f"ini key insight_github_summary: {exc}") from exc
    path = os.environ.get("GITHUB_STEP_SUMMARY", "")
    # A pytest that a test starts inherits the variable.
    return Path(path) if wanted and path and "PYTEST_CURRENT_TEST" not in os.environ else None


def _ini_text(config: pytest.Config, key: str) -> Any:
    value = _ini_value(config, key)
    if not isinstance(value, str):  # a list in `[tool.pytest.ini_options]`
        raise usage_error(f"{key} must be a text, not {value!r}; correct {config.inipath}")
    return value


def _ini_value(config: pytest.Config, key: str) -> Any:
    try:
        return config.getini(key)
    except TypeError as exc:  # another type of TOML; names the file, the key and the value
        raise usage_error(str(exc)) from exc


def usage_error(sentence: str) -> pytest.UsageError:
    """Return the error that stops a run before it starts."""
    return pytest.UsageError(f"pytest-insight: {sentence}")
