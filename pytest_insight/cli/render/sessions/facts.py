"""The facts about one session, as names and texts for people."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from pytest_insight.cli.render.failures.failures import code_text
from pytest_insight.cli.render.losses import loss_text
from pytest_insight.cli.render.outcomes import outcomes_text, test_count
from pytest_insight.cli.terminal.links import linked_page
from pytest_insight.cli.terminal.styled import Styled, styled
from pytest_insight.locations import display_path
from pytest_insight.models import Source, TestSession
from pytest_insight.models.text import ago_text, duration_text, plural, time_text

_EXIT_STATUSES = {
    0: "all tests passed",
    1: "tests failed",
    2: "interrupted",
    3: "internal error",
    4: "usage error",
    5: "no tests were run",
}
"""Source: `pytest.ExitCode`."""

_SERVICES = {
    "azure": "Azure Pipelines",
    "bitbucket": "Bitbucket Pipelines",
    "buildkite": "Buildkite",
    "circleci": "CircleCI",
    "github": "GitHub Actions",
    "gitlab": "GitLab CI/CD",
    "jenkins": "Jenkins",
    "teamcity": "TeamCity",
    "travis": "Travis CI",
}
"""The names of CI services, by the fact `ci.provider`."""

_IN_SENTENCES = frozenset({"ci", "python", "pytest", "host", "workers", "random_seeds"})
"""The facts that are not listed by themselves."""


def facts(session: TestSession, location: str, *, verbose: bool) -> Iterator[tuple[str, Styled]]:
    """Yield the name and the text of each fact that is known.

    Args:
        session: the session.
        location: the path or URL of its store.
        verbose: whether to yield details: whole hashes, plugins, facts of other writers.
    """
    of_ci = session.testing_system.get("ci")
    found: dict[str, str | Styled | None] = {
        "Session": session.session_id,
        "SUT": session.sut_name,
        "Started": _started(session),
        "Took": duration_text(session.session_duration),
        "Tests": _tests(session),
        "Collected": _collected(session),
        "Arguments": shlex.join(session.arguments),
        "Exit status": _exit_status(session.exit_status),
        "Code": code_text(session),
        "CI": _ci_run(of_ci, verbose=verbose),
        "Tags": ", ".join(f"{key}={value}" for key, value in session.session_tags.items()),
        **_of_machine(session.testing_system),
        "Source": _source(session.source) if session.source else None,
        "Pinned": "yes" if session.pinned else "",
        "Store": display_path(location),
    }
    if verbose and session.code_state:
        found["Commit"] = session.code_state.commit
        found["Changes"] = session.code_state.digest
    listed = list(found.items())
    if verbose:  # not in `found`: another writer may name a fact as we do
        others = [(k, v) for k, v in session.testing_system.items() if k not in _IN_SENTENCES]
        listed += [(_title(key), _fact_text(value)) for key, value in others]
    for name, text in listed:
        if text is not None and str(text):
            yield name, styled(text)


def _title(name: str) -> str:
    return f"{name[:1].upper()}{name[1:]}".replace("_", " ")


def _started(session: TestSession) -> str:
    start = session.session_start_time
    return f"{time_text(start)}, {ago_text(start, datetime.now(UTC))}"


def _tests(session: TestSession) -> Styled:
    """Return the counts; results are said if there are more of them than tests."""
    tests, results = test_count(session), len(session.test_results)
    if not results:
        return outcomes_text(session)
    counted = plural(tests, "test") + (f", {results:,} results" if results != tests else "")
    return styled(f"{counted}: ", outcomes_text(session))


def _collected(session: TestSession) -> str:
    if session.collected is None:
        return ""
    deselected = f", {session.deselected:,} deselected" if session.deselected else ""
    return f"{plural(session.collected, 'test')}{deselected}"


def _exit_status(status: int | None) -> str:
    if status is None:
        return ""
    meaning = _EXIT_STATUSES.get(status)
    return f"{status} ({meaning})" if meaning else str(status)


def _ci_run(facts_of_ci: Any, *, verbose: bool) -> Styled:
    """Return the CI run: "GitHub Actions #123456, job test", linked or with its URL."""
    if not isinstance(facts_of_ci, dict):
        return styled("")
    known = {key: value for key, value in facts_of_ci.items() if isinstance(value, str) and value}
    provider = known.get("provider", "")
    run = f"#{known['run_id']}" if "run_id" in known else ""
    parts = [" ".join(filter(None, (_SERVICES.get(provider, provider), run)))]
    if "job" in known:
        parts.append(f"job {known['job']}")
    if known.get("attempt", "1") != "1":
        parts.append(f"attempt {known['attempt']}")
    text, url = ", ".join(filter(None, parts)), known.get("url", "")
    link = linked_page(text, url)
    if url and (verbose or link == styled(text)):
        return styled(text, f" ({url})")
    return link


def _of_machine(known: Mapping[str, Any]) -> dict[str, str]:
    """Return what tests ran on: the versions of Python and pytest, the host, workers and seeds."""
    versions = [f"{name} {known[key]}" for name, key in _VERSIONS if known.get(key)]
    seeds = known.get("random_seeds")
    return {
        "Run by": ", ".join(versions),
        "Host": str(known.get("host") or ""),
        "Workers": str(known.get("workers") or ""),
        "Random seed" + ("s" if isinstance(seeds, dict) and len(seeds) > 1 else ""): (
            _fact_text(seeds) if seeds else ""
        ),
    }


_VERSIONS = (("Python", "python"), ("pytest", "pytest"))


def _source(source: Source) -> str:
    by = f" of {source.tool}" if source.tool else ""
    losses = ", ".join(map(loss_text, source.losses))
    return f"{source.format} file{by}{losses and f'; it cannot tell {losses}'}"


def _fact_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and all(isinstance(item, str | int) for item in value.values()):
        return ", ".join(f"{name} {item}" for name, item in value.items())
    return msgspec.json.encode(value).decode()
