"""Everything that is decided before the run starts: where it is recorded, under which name."""

from __future__ import annotations

import pytest

from pytest_insight.errors import InsightError
from pytest_insight.recording.environment import CodeProbe
from pytest_insight.recording.recorder import Recorder
from pytest_insight.storage.access import get_storage_instance
from pytest_insight.storage.base import BaseStorage
from pytest_insight.storage.profiles import ProfileManager


def make_recorder(config: pytest.Config) -> Recorder:
    """The recorder of this run.

    Raises:
        pytest.UsageError: an option, ini value or variable names something that cannot be; the run
            does not start.
    """
    try:
        return Recorder(
            config,
            storage=_storage(config),
            sut_name=_sut_name(config),
            tags=_tags(config.option.insight_tag),
            code=CodeProbe(config.rootpath),
        )
    except InsightError as exc:
        raise pytest.UsageError(f"pytest-insight: {exc}") from exc


def _storage(config: pytest.Config) -> BaseStorage:
    name = config.option.insight_profile or config.getini("insight_profile") or None
    if name and name not in ProfileManager().list_profiles():
        # The recorder alone may create what it was told to use: a fresh CI machine just works.
        ProfileManager().create_profile(name)
    return get_storage_instance(profile_name=name)


def _sut_name(config: pytest.Config) -> str:
    named: str = config.option.insight_sut or config.getini("insight_sut")
    name = named or config.rootpath.name or "root"
    if not name.strip():
        raise pytest.UsageError("pytest-insight: the name of the system under test is blank")
    return name


def _tags(given: list[str]) -> dict[str, str]:
    tags = {}
    for tag in given:
        key, equals, value = tag.partition("=")
        if not equals or not key.strip():
            raise pytest.UsageError(
                f"pytest-insight: --insight-tag takes KEY=VALUE, as in --insight-tag ci=nightly, "
                f"not {tag!r}"
            )
        tags[key.strip()] = value
    return tags
