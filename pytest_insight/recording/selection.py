"""Select the tests of a run by what the history says of them; works without recording, too.

The process that the user started asks the history, once. The workers of pytest-xdist are given the
answer, so that all of them select the same tests.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import pytest

from pytest_insight._util.printable import printable
from pytest_insight._util.storable import storable_text
from pytest_insight.errors import InsightError
from pytest_insight.locations import with_display_paths
from pytest_insight.recording.nodeid import without_group
from pytest_insight.recording.setup import (
    cause_masks_of,
    choose_profile,
    sut_name_of,
    usage_error,
)
from pytest_insight.storage.choice import open_storage

WORDS = ("failed", "flaky", "broken", "new-failure", "slow")
"""What can be selected; `verdicts.chosen` finds it."""
INPUT = "insight_selection"
"""The key in the `workerinput` of xdist; `plugin` has the same."""
OUTPUT = "insight_selected"
"""The key in the `workeroutput` of xdist."""
MAX_SUTS = 5


class Choice(NamedTuple):
    """The tests of one option.

    Attributes:
        option: "select" or "deselect".
        words: what was given.
        nodeids: the tests in the history.
        why: why the history has no test at all, if that is known; else empty.
    """

    option: str
    words: list[str]
    nodeids: set[str]
    why: str


class Selector:
    """Selects tests at collection, and says how many; registered as a plugin.

    Attributes:
        choices: of the options that were given.
        counts: for each choice, how many tests it took and of how many; empty before collection.
    """

    def __init__(self, choices: list[Choice]) -> None:
        self.choices = choices
        self.counts: list[tuple[int, int]] = []

    @pytest.hookimpl(trylast=True)  # after -k and -m
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[Any]) -> None:
        """Take out the tests that are not selected."""
        self.counts = []
        for choice in self.choices:
            chosen = [_is_in(choice.nodeids, item.nodeid) for item in items]
            is_kept = choice.option == "select"
            dropped = [item for item, is_in in zip(items, chosen, strict=True) if is_in != is_kept]
            self.counts.append((sum(chosen), len(items)))
            if dropped:
                kept = [item for item, is_in in zip(items, chosen, strict=True) if is_in == is_kept]
                items[:] = kept
                config.hook.pytest_deselected(items=dropped)

    def pytest_report_collectionfinish(self, config: pytest.Config) -> list[str]:
        """Return a line for each option; with -q only if it left no test."""
        return [
            line
            for choice, (taken, total) in zip(self.choices, self.counts, strict=False)
            if config.get_verbosity() >= 0 or taken == (0 if choice.option == "select" else total)
            for line in [_line(choice, taken, total)]
        ]

    # With pytest-xdist, workers collect; the controller has the terminal.

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Give a worker the tests."""
        node.workerinput[INPUT] = [
            {**choice._asdict(), "nodeids": sorted(choice.nodeids)} for choice in self.choices
        ]

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take the counts from a worker; they are the same in all of them."""
        counts = getattr(node, "workeroutput", {}).get(OUTPUT)
        if counts:
            self.counts = [tuple(each) for each in counts]

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Give the counts to the controller."""
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[OUTPUT] = [list(each) for each in self.counts]

    def pytest_terminal_summary(self, terminalreporter: Any, config: pytest.Config) -> None:
        """Print what the controller could not print at collection."""
        if getattr(config.option, "dist", "no") != "no":
            for line in self.pytest_report_collectionfinish(config):
                terminalreporter.write_line(line)


def make_selector(config: pytest.Config) -> Selector:
    """Return the plugin that selects tests, after asking the history.

    Raises:
        pytest.UsageError: a word is unknown, or the store cannot be read.
    """
    given = {
        option: _words(option, getattr(config.option, f"insight_{option}"))
        for option in ("select", "deselect")
    }
    words = {word for found in given.values() for word in found}
    try:
        found, why = _ask(config, words)
    except InsightError as exc:
        raise usage_error(f"--insight-select and --insight-deselect: {exc}") from exc
    return Selector(
        [
            Choice(option, chosen, set().union(*(found[word] for word in chosen)), why)
            for option, chosen in given.items()
            if chosen
        ]
    )


def selector_of_worker(data: list[Mapping[str, Any]]) -> Selector:
    """Return the plugin of an xdist worker, from what the controller sent."""
    return Selector([Choice(**{**each, "nodeids": set(each["nodeids"])}) for each in data])


def _words(option: str, given: Collection[str]) -> list[str]:
    words = [word.strip() for text in given for word in text.split(",")]
    for word in words:
        if word not in WORDS:
            raise usage_error(
                f"--insight-{option} must be one or more of {', '.join(WORDS)}, not {word!r}"
            )
    return list(dict.fromkeys(words))


def _ask(config: pytest.Config, words: set[str]) -> tuple[dict[str, set[str]], str]:
    """Return the tests for each word, and why there cannot be any."""
    from pytest_insight.analysis.causes import CauseRules
    from pytest_insight.recording.verdicts.chosen import find_tests

    storage = open_storage(*choose_profile(config, create=False))
    sut_name = sut_name_of(config)
    rules = CauseRules(cause_masks_of(config))
    found = find_tests(storage, sut_name, words, config.rootpath, rules)
    if found is not None:
        return found, ""
    why = f"{storage.location} has no run of {sut_name}"
    others = storage.sut_names()
    if others:
        named = ", ".join(others[:MAX_SUTS]) + (", ..." if len(others) > MAX_SUTS else "")
        why += f", only of {named} (name one with --insight-sut)"
    return {word: set() for word in words}, why


def _is_in(nodeids: set[str], nodeid: str) -> bool:
    name = storable_text(nodeid)
    return name in nodeids or without_group(name) in nodeids


def _line(choice: Choice, taken: int, total: int) -> str:
    what = ", ".join(choice.words)
    tests = "test" if total == 1 else "tests"
    line = f"insight: {choice.option}ed {taken:,} of {total:,} {tests}: {what}"
    if not taken:
        number = len(choice.nodeids)
        if choice.why:
            line += f"; {choice.why}"
        elif number:
            line += f"; the {number:,} that the history has are not among them"
        else:
            line += "; the history has no such test"
    return printable(with_display_paths(line))
