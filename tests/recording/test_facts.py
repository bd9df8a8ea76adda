"""Facts about the machine and the run."""

from __future__ import annotations

import platform
import socket
from importlib.metadata import version

import pytest

from pytest_insight.models import TestSession
from tests.recording.runs import last_session, run


def recorded(pytester: pytest.Pytester, *options: str) -> TestSession:
    pytester.makepyfile("def test_it(): pass")
    run(pytester, "--insight", *options)
    return last_session()


def test_the_machine_the_versions_and_the_plugins_are_facts(pytester: pytest.Pytester) -> None:
    system = recorded(pytester).testing_system
    plugins = system.pop("plugins")
    assert system == {
        "host": socket.gethostname(),
        "platform": f"{platform.system()}-{platform.release()}-{platform.machine()}",
        "python": platform.python_version(),
        "pytest": pytest.__version__,
    }
    for name in ("pytest-insight", "pytest-xdist", "pytest-rerunfailures"):
        assert plugins[name] == version(name)


def test_a_plugin_that_is_switched_off_is_not_among_them(pytester: pytest.Pytester) -> None:
    options = ["-p", "no:rerunfailures", "-p", "no:xdist", "-p", "no:xdist.looponfail"]
    plugins = recorded(pytester, *options).testing_system["plugins"]
    assert "pytest-rerunfailures" not in plugins
    assert "pytest-xdist" not in plugins


def test_an_exit_status_that_another_plugin_sets_is_the_one(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("def pytest_sessionfinish(session): session.exitstatus = 42")
    assert recorded(pytester).exit_status == 42


def test_a_machine_without_a_name_has_an_empty_one(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails() -> str:
        raise OSError("no name")

    monkeypatch.setattr(socket, "gethostname", fails)
    assert recorded(pytester).testing_system["host"] == ""
