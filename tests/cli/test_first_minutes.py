"""The README's first five minutes, typed into a real terminal and looked at."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.tools import tool

README = (Path(__file__).parents[2] / "README.md").read_text()

SUITE = """
import time

def test_pay(): pass
def test_basket(): time.sleep(0.6)
def test_price(): assert 0.1 + 0.2 == 0.3
def test_search(): pass
"""

SHOWN = {
    "insight": "1 session in profile default, ",
    "pytest --insight": "insight: saved 4 results as shop-",
    "insight sessions list": "1 failed, 3 passed",
    "insight sessions show": "E assert (0.1 + 0.2) == 0.3",
    "insight query tests --outcome failed": "test_shop.py::test_price",
    "insight query tests --nodeid test_pay": "test_shop.py::test_pay",
    "insight query tests --flaky": "nothing matches in",
    "insight query tests --group": "test_shop.py::test_basket",
    "insight query sessions --tag": "1 failed, 3 passed",
    "insight query tests --outcome failed --days 1": "",
    "insight query tests --outcome error": "nothing matches in",
    "insight export --days 7 --format csv": "exported 1 session of",
    "insight export history.json.gz": "exported 1 session of",
    "insight profile create demo": "created the profile 'demo'",
    "insight export --days 7 |": "1 imported",
    "PYTEST_INSIGHT_PROFILE=demo insight sessions list": "of profile demo (",
}
"""What the screen shows after each command, by its beginning."""

Type = Callable[[str], str]


@pytest.fixture(params=[80, 120])
def type_(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Type]:
    """Type a command into a terminal of a new user; what is on the screen once it is done."""
    tmux = tool("tmux")
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "test_shop.py").write_text(SUITE)
    (shop / "pytest.ini").write_text("[pytest]")
    (tmp_path / "rc").write_text(
        f"export PATH={Path(sys.executable).parent}:$PATH HOME={tmp_path}/fresh; PS1='> '"
    )
    (tmp_path / "fresh").mkdir()
    server = f"insight-{uuid.uuid4().hex}"

    def run(*arguments: str) -> str:
        return subprocess.run(
            [tmux, "-L", server, "-f", "/dev/null", *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        ).stdout

    size = ["-x", str(request.param), "-y", "60"]
    run("new-session", "-d", *size, f"cd {shop}; bash --rcfile {tmp_path}/rc -i")

    def typed(command: str) -> str:
        run("send-keys", "-l", f"clear; {command}; echo done: $((6 * 7))")
        run("send-keys", "Enter")
        until = time.monotonic() + 60
        while time.monotonic() < until:
            time.sleep(0.1)
            screen = run("capture-pane", "-p", "-J")
            if "done: 42" in screen:
                return screen.partition("done: 42")[0]
        raise AssertionError(f"{command} is not done after a minute:\n{screen}")

    yield typed
    run("kill-server")


def first_five_minutes() -> list[str]:
    section = README.split("## The first five minutes")[1].split("\n## ")[0]
    return re.findall(r"^\$ (.*?)(?:\s+#.*)?$", section, re.MULTILINE)


def test_a_new_user_sees_what_the_readme_promises(type_: Type) -> None:
    commands = first_five_minutes()
    assert len(commands) > 10
    assert type_("insight").startswith("no sessions yet in profile default, ")
    for command in commands:
        screen = type_(command)
        known = [start for start in SHOWN if command.startswith(start)]
        assert known, f"say in SHOWN what is seen after: {command}"
        assert SHOWN[max(known, key=len)] in " ".join(screen.split()), (command, screen)
        assert "insight: error" not in screen, (command, screen)
