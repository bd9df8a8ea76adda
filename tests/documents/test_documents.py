"""What README and manual show is run, in order, by a reader with the demo's history."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pytest_insight import locations
from pytest_insight.cli.commands.docs import TOPICS
from pytest_insight.storage.sql import schema
from tests import reference
from tests.benchmarks.__main__ import BENCHMARKS
from tests.benchmarks.report import INTRODUCTION, Row, section, with_section
from tests.demo.pictures import PAGE, PICTURE
from tests.documents.blocks import (
    DOCUMENTS,
    MANUAL,
    ROOT,
    Block,
    agrees,
    blocks,
    expected_status,
    is_run,
    run_python,
    run_shell,
    run_step,
    steps,
)

SCRIPT_ENDS = {
    "pytest --insight-select failed": (1, "insight: selected 5 of 33 tests: failed"),
    "insight compare main --exit-code": (3, "3 new failures, 1 new test failing"),
    "xargs -0 pytest": (123, "5 failed"),
    "insight verdicts --only": (3, "same code 2 times"),
    "--exit-code": (3, "test_coupon"),
}
"""The scripts that end with a status other than 0, by a word in them: it, and what they print."""

CI_VARIABLES = {
    "tests/${{ matrix.shard }}": "tests",
    "tests/$SHARD": "tests",
    "${{ matrix.shard }}": "unit",
    "${{ github.run_id }}": "1",
    "$SHARD": "unit",
    "$CI_PROJECT_DIR": ".",
}

every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)


@every_document
def test_the_blocks_of_a_document_run_in_order(document: Path, shop: Path) -> None:
    names: dict[str, Any] = {}
    problems: list[str] = []
    for block in blocks(document.read_text("utf-8")):
        run = {"console": run_console, "sh": run_script, "toml": run_with_settings}
        if block.language == "python":
            run_python(block.text, names)
        elif block.language == "sql":
            problems += [f"{document.name}:{text}" for text in run_sql(block)]
        elif block.language in run:
            problems += [f"{document.name}:{text}" for text in run[block.language](block, shop)]
        else:
            assert block.language in ("text", "yaml"), block
    assert not problems, "\n\n".join([*problems, "renew outputs with: make reference"])


def run_console(block: Block, _: Path) -> Iterator[str]:
    for step in steps(block):
        if not is_run(step.command):
            continue
        ran = run_step(step.command)
        if ran.status not in expected_status(step):
            yield f"{step.line}: $ {step.command}\nexit status {ran.status}\n{ran.output}"
        elif not agrees(step.output, ran.output):
            yield f"{step.line}: $ {step.command}\n{ran.output}\nis shown as\n{step.output}"


def run_script(block: Block, _: Path) -> Iterator[str]:
    known = [end for word, end in SCRIPT_ENDS.items() if word in block.text]
    status, printed = known[0] if known else (0, "")
    ran = run_shell(block.text)
    if ran.status != status or printed not in ran.output or "error:" in ran.output:
        yield f"{block.line}: exit status {ran.status}\n{ran.output}"


def run_with_settings(block: Block, shop: Path) -> Iterator[str]:
    """pytest accepts the settings, which replace the project's own for one run."""
    if "pytest" not in tomllib.loads(block.text).get("tool", {}):
        return
    path = shop / "pyproject.toml"
    before = path.read_text()
    path.write_text(f'{block.text}pythonpath = ["."]\n')
    ran = run_shell("pytest -q --strict-config tests/test_basket.py -p no:cacheprovider")
    path.write_text(before)
    if ran.status != 0:
        yield f"{block.line}: exit status {ran.status}\n{ran.output}"


def run_sql(block: Block) -> Iterator[str]:
    """Ask the store that the document has copied; what is for Citus alone names existing tables."""
    named = set(re.findall(r"insight_\w+", block.text))
    if named:
        assert named <= tables()
        return
    with closing(sqlite3.connect(locations.store_path("big", suffix=".db"))) as database:
        for statement in block.text.split(";"):
            if statement.strip() and not database.execute(statement).fetchall():
                yield f"{block.line}: no rows:{statement}"


def tables() -> set[str]:
    return set(re.findall(r"insight_\w+", Path(schema.__file__).read_text("utf-8")))


CI = [
    (document, block)
    for document in DOCUMENTS
    for block in blocks(document.read_text("utf-8"))
    if block.language == "yaml"
]


@pytest.mark.parametrize(
    ("document", "block"), CI, ids=[f"{path.stem}-{block.line}" for path, block in CI]
)
def test_the_commands_for_ci_run(document: Path, block: Block, shop: Path) -> None:
    text = block.text
    for variable, value in CI_VARIABLES.items():
        text = text.replace(variable, value)
    lines = re.findall(r"^ *- (?:run: )?((?:pytest|insight) .*)", text, re.MULTILINE)
    assert lines
    recording = [line for line in lines if line.startswith(("pytest", "insight export"))]
    asking = [line for line in lines if line not in recording]
    for command in recording:
        ran = run_shell(command, PYTEST_INSIGHT_HOME="home of the test job")
        assert ran.status == (1 if command.startswith("pytest") else 0), ran
    for command in asking:
        home = {"PYTEST_INSIGHT_HOME": "home of the test job"} if "export" not in text else {}
        ran = run_shell(command, GITHUB_STEP_SUMMARY="summary.md", **home)
        assert ran.status == (3 if "--exit-code" in command else 0), ran
        assert "error:" not in ran.output


def test_there_are_blocks_of_every_kind() -> None:
    found = {block.language for path in DOCUMENTS for block in blocks(path.read_text("utf-8"))}
    assert found >= {"console", "sh", "python", "yaml", "toml", "sql"}


def test_every_script_with_a_status_of_its_own_is_in_a_document() -> None:
    text = "".join(path.read_text("utf-8") for path in DOCUMENTS)
    assert not [word for word in SCRIPT_ENDS if word not in text]


# Links ----------------------------------------------------------------------------------------


MARKDOWN = [
    *DOCUMENTS,
    ROOT / "tests" / "README.md",
    ROOT / "tests" / "faults" / "README.md",
    ROOT / "tests" / "benchmarks" / "RESULTS.md",
]


def test_relative_links_lead_to_files_and_headings() -> None:
    broken = []
    for path in MARKDOWN:
        for target in re.findall(r"\]\(([^)\s]+)\)", without_blocks(path)):
            if target.startswith("https://"):
                continue
            file, _, anchor = target.partition("#")
            there = path.parent / file if file else path
            if not there.exists() or (anchor and anchor not in anchors(there)):
                broken.append(f"{path.relative_to(ROOT)}: {target}")
    assert not broken


def test_modules_that_documents_name_exist() -> None:
    missing = []
    for path in MARKDOWN:
        for name in re.findall(r"`([\w/]+\.py)`", without_blocks(path)):
            folders = (ROOT, ROOT / "tests", path.parent, ROOT / "tests" / "benchmarks")
            if not any((folder / name).exists() for folder in folders):
                missing.append(f"{path.relative_to(ROOT)}: {name}")
    assert not missing


def anchors(path: Path) -> set[str]:
    """The names of headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", without_blocks(path), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def without_blocks(path: Path) -> str:
    return re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("picture", "most"), [(PICTURE, 40_000), (PAGE, 120_000)])
def test_the_pictures_are_small_and_linked(picture: Path, most: int) -> None:
    assert f"]({picture.relative_to(ROOT).as_posix()})" in (ROOT / "README.md").read_text("utf-8")
    assert picture.stat().st_size < most


def test_commands_in_text_exist_with_their_options() -> None:
    """Those in blocks are run; those in sentences, tables and usage lines are looked up."""
    known = {" ".join(command.words): command for command in reference.commands()}
    wrong = []
    for path in MARKDOWN:
        text = path.read_text("utf-8")
        lines = re.findall(r"`(insight [a-z][^`]*)`", text)
        lines += re.findall(r"^(insight [a-z].*)$", text, re.MULTILINE)
        for line in (line.partition(" | ")[0] for line in lines):
            words = line.split()[1:]
            names = [" ".join(words[:count]) for count in (1, 2)]
            command = next((known[name] for name in names if name in known), None)
            group = any(name.startswith(f"{names[0]} ") for name in known) and len(words) == 1
            options = (
                {name for option in command.options for name in option.opts} if command else set()
            )
            if not (command or group) or set(re.findall(r" (--[a-z-]+)", line)) - options:
                wrong.append(f"{path.name}: {line}")
    assert not wrong


# What must be in them ---------------------------------------------------------------------------


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 180


def test_every_topic_has_a_file_and_a_heading() -> None:
    assert {path.stem for path in MANUAL.glob("*.md")} == set(TOPICS)
    for topic in TOPICS:
        assert (MANUAL / f"{topic}.md").read_text("utf-8").startswith("# ")


def test_every_option_and_ini_key_of_the_plugin_is_in_the_manual() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "--help"], capture_output=True, text=True, check=True
    )
    text = (MANUAL / "recording.md").read_text("utf-8")
    options = re.findall(r"--(?:no-)?insight[a-z-]*", ran.stdout)
    options += re.findall(r"^  (insight\w*) ", ran.stdout, re.MULTILINE)
    assert len(options) > 5
    assert not [option for option in options if f"`{option}" not in text]


def test_every_environment_variable_is_in_the_manual() -> None:
    sources = (ROOT / "pytest_insight").rglob("*.py")
    named = {
        name
        for source in sources
        for name in re.findall(r'"(PYTEST_INSIGHT\w*)"', source.read_text("utf-8"))
    }
    assert locations.HOME_VARIABLE in named
    text = (MANUAL / "reference.md").read_text("utf-8")
    assert not [name for name in named if f"`{name}`" not in text]


def test_the_command_reference_and_the_man_page_are_those_of_the_commands() -> None:
    assert reference.COMMANDS.read_text("utf-8") == reference.markdown(), "run: make reference"
    assert reference.MAN_PAGE.read_text("utf-8") == reference.man_page(), "run: make reference"


def test_every_target_of_the_makefile_is_explained() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    text = (ROOT / "tests" / "README.md").read_text("utf-8")
    named = {word for code in re.findall(r"`make ([^`]*)`", text) for word in code.split()}
    assert set(targets) <= named


def test_the_results_are_those_that_the_benchmarks_write() -> None:
    """The introduction, sections and columns are; the figures are of when they were measured."""
    text = (ROOT / "tests" / "benchmarks" / "RESULTS.md").read_text("utf-8")
    assert text.startswith(INTRODUCTION)
    names = re.findall("^## (.+)", text, re.MULTILINE)
    assert names == list(BENCHMARKS)
    row = Row("saving", "2 s", "1 s", 2.0, "<= 2x", kept=True)
    written = section([row], date(2026, 11, 23), 1.5)
    assert written.startswith("Measured on 2026-11-23 at a load of 1.5, with ")
    again = with_section(text, "saving", written, names)
    assert f"\n## saving\n\n{written}\n## scans\n" in again
    measured = text.split("\n## saving\n")[1].partition("\n## scans\n")[0]
    assert again == text.replace(measured, f"\n{written}")
