"""The README's first five minutes, typed into a real terminal of 80 columns and looked at."""

from __future__ import annotations

import re
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.documents.blocks import ROOT, blocks, steps
from tests.tools import tool

README = (ROOT / "README.md").read_text("utf-8")
SECTION = README.split("## The first five minutes")[1].split("\n## ")[0]

SEEN = {
    "pytest --insight": "insight: saved 33 results as shop-",
    "insight": "shop feature/coupons",
    "insight sessions list": "feature/coupons",
    "insight failures": "TypeError: unsupported operand",
    "insight compare": "3 new failures, 1 new test failing",
    "insight history": "failed in 6 of ",
    "insight verdicts": "2 of 14, same code 2 times",
    "insight flaky": "2x AssertionError",
    "insight slow": "test_search[mug]",
    "insight report": "report.html file:///",
    "insight query tests --failed": "test_coupon[HALF-10]",
    "insight query sessions --tag": " green (",
    "insight sessions prune": "prune",
    "insight sessions undo": "nothing",
}
"""What the screen shows after each command, by the command's beginning."""

Type = Callable[[str], str]


@pytest.fixture
def type_(shop: Path) -> Iterator[Type]:
    """Return a function that types a command into a terminal and returns the screen after it."""
    tmux = tool("tmux")
    server = f"insight-{uuid.uuid4().hex}"

    def run(*arguments: str) -> str:
        return subprocess.run(
            [tmux, "-L", server, "-f", "/dev/null", *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        ).stdout

    size = ["-x", "80", "-y", "60"]
    run("new-session", "-d", *size, f"cd {shop}; HISTFILE= PS1='> ' bash --norc -i")

    def typed(command: str) -> str:
        run("send-keys", "-l", f"clear; {command}; echo done: $((6 * 7))")
        run("send-keys", "Enter")
        until = time.monotonic() + 60
        while time.monotonic() < until:
            time.sleep(0.1)
            screen = run("capture-pane", "-p", "-J")
            if "done: 42" in screen:
                return screen.partition("done: 42")[0]
            if "[y/N]" in screen:
                run("send-keys", "n", "Enter")
        raise AssertionError(f"{command} is not done after a minute:\n{screen}")

    yield typed
    run("kill-server")


def commands() -> list[str]:
    shown = [step.command for block in blocks(SECTION) for step in steps(block)]
    return [*shown, *re.findall(r"`(insight[^`]*)`", SECTION)]


def test_a_new_user_sees_what_the_readme_promises(type_: Type) -> None:
    assert len(commands()) > 8
    for command in commands():
        screen = type_(command)
        known = [start for start in SEEN if command.startswith(start)]
        assert known, f"add to SEEN what is seen after: {command}"
        assert SEEN[max(known, key=len)] in " ".join(screen.split()), (command, screen)
        assert "Traceback" not in screen
