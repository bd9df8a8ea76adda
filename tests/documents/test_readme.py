"""The README's blocks are run in order, in one home, as a reader would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parents[2] / "README.md").read_text()

CONSOLE = re.findall(r"^```console\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
PYTHON = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)

YAML = re.findall(r"^```yaml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
"""What CI systems are told; the environment gives what they put in for the variables."""

RECIPES = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)

VARIABLES = {"${{ matrix.python }}": "3.13", "$SHARD": "unit", "$CI_PROJECT_DIR": "."}

NOT_RUN = {
    "pip install pytest-insight": "the tests run an installed one already",
}

SUITE = """
import time

def test_pay(): pass
def test_basket(): time.sleep(0.6)
def test_price(): assert 0.1 + 0.2 == 0.3
def test_search(): pass
"""


def commands() -> list[str]:
    lines = "".join(CONSOLE).splitlines()
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


@pytest.fixture
def shop() -> Path:
    folder = Path("shop")
    folder.mkdir()
    (folder / "test_shop.py").write_text(SUITE)
    (folder / "pytest.ini").write_text("[pytest]")
    return folder


def test_the_console_blocks_run_and_say_no_error(shop: Path) -> None:
    assert len(commands()) > 20
    for command in commands():
        if command not in NOT_RUN:
            run(command, shop)


@pytest.mark.parametrize("block", YAML, ids=["GitHub", "GitLab"])
def test_the_commands_for_ci_run_and_keep_the_shards(shop: Path, block: str) -> None:
    for variable, value in VARIABLES.items():
        block = block.replace(variable, value)
    lines = re.findall(r"^ *- (?:run: )?((?:pytest|insight) .*)", block, re.MULTILINE)
    assert len(lines) == 5
    *recording, importing, listing, querying = lines
    for command in recording:
        run(command, shop, PYTEST_INSIGHT_HOME="home of the test job")
    for command in (importing, importing):  # twice: as a job that is run again
        run(command, shop)
    assert "1 failed, 3 passed" in run(listing, shop)
    assert run(querying, shop).count("test_shop.py::test_price") == 1


# What each recipe ends with, by a word of it: its exit status, and what it prints.
RECIPE_ENDS = {
    "xargs -0 -r pytest": (123, "1 failed in"),  # xargs says so that pytest found a failure
    "newly broken": (1, "newly broken:\ntest_shop.py::test_search\n"),
    "--since 1h": (3, "test_shop.py::test_search"),
    "--older-than 90d": (0, ""),
    "week.csv": (0, ""),
    "restored": (0, ""),
    "sessions undo": (0, "test_shop.py::test_price"),
}


def test_every_recipe_is_known_here() -> None:
    assert len(RECIPES) == len(RECIPE_ENDS)


@pytest.mark.parametrize("word", RECIPE_ENDS)
def test_a_recipe_works(shop: Path, word: str) -> None:
    (recipe,) = (recipe for recipe in RECIPES if word in recipe)
    status, printed = RECIPE_ENDS[word]
    # A failure on main; on a branch it is mended, and another one is new.
    git(shop, "init", "-q", "-b", "main")
    run("pytest --insight", shop)
    git(shop, "checkout", "-q", "-b", "feature")
    suite = (shop / "test_shop.py").read_text()
    suite = suite.replace("0.1 + 0.2 == 0.3", "True").replace("search(): pass", "search(): 1 / 0")
    (shop / "test_shop.py").write_text(suite)
    run("pytest --insight", shop)
    run("insight export shard-1.json.gz", shop)
    ran = shell(recipe, shop)
    assert ran.returncode == status, ran
    assert printed in ran.stdout
    assert "error:" not in ran.stderr
    if word == "week.csv":
        assert (shop / "failures.csv").read_text().count("test_shop.py::") == 2
        assert (shop / "week.csv").read_text().count("test_shop.py::") == 8
    if word == "restored":
        assert "2 sessions with 8 results can be read" in ran.stderr


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


def shell(command: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PATH": path, **more},
        check=False,
        timeout=60,
    )


def run(command: str, folder: Path, **more: str) -> str:
    ran = shell(command, folder, **more)
    # One test of the suite fails: pytest's own status says so.
    assert ran.returncode == (1 if command.startswith("pytest") else 0), (command, ran)
    assert "error:" not in ran.stderr, (command, ran)
    return ran.stdout


def test_the_python_blocks_run(shop: Path) -> None:
    subprocess.run([sys.executable, "-m", "pytest", "--insight"], cwd=shop, check=False)
    script = "\n".join(PYTHON)
    assert script
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=shop,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "test_shop.py::test_price" in ran.stdout
    assert "1 new, 0 replaced" in ran.stdout


def test_every_option_of_the_plugin_is_in_the_readme() -> None:
    helped = subprocess.run(
        [sys.executable, "-m", "pytest", "--help"], capture_output=True, text=True, check=True
    ).stdout
    for option in re.findall(r"--(?:no-)?insight[a-z-]*", helped):
        assert f"`{option}" in README
