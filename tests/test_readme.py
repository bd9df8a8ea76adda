"""The README's blocks are run in order, in one home, as a reader would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text()

CONSOLE = re.findall(r"^```console\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
PYTHON = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)

YAML = re.findall(r"^```yaml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
"""What CI systems are told; the environment gives what they put in for the variables."""

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


def run(command: str, folder: Path, **more: str) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PATH": path, **more},
        check=False,
        timeout=60,
    )
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
