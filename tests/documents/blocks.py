"""Code blocks of the documents: found, run in order, and their output compared or renewed.

`python -m tests.documents.blocks` writes what commands print now into the README and the manual (a
part of `make reference`). To show the output of a new command, write a line with `?` below it.
Output with `...` in it was shortened by hand and must be renewed by hand.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from typer.testing import CliRunner

from pytest_insight.cli.app import app
from pytest_insight.cli.commands.docs import TOPICS
from pytest_insight.cli.terminal import output as terminal_output
from pytest_insight.errors import InsightError
from tests.demo.history import demo_environment, make_history

ROOT = Path(__file__).parents[2]
MANUAL = ROOT / "pytest_insight" / "docs"
DOCUMENTS = [ROOT / "README.md", *(MANUAL / f"{topic}.md" for topic in TOPICS)]
COLUMNS = 100

NOT_RUN = ("pip install ", "make ", "git clone ")
"""Beginnings of commands that tests cannot run, or run already."""

_NEEDS_SHELL = re.compile(r"[|<>$;&*`]|^(?!insight\b)")
_VARIABLE_PARTS = [
    (re.compile(r"\x1b\[[0-9;]*m"), ""),
    (re.compile(r"-\d{8}-\d{6}-[0-9a-f]{8}\b"), "-ID"),
    (re.compile(r"\b(?=[a-f]*\d)[0-9a-f]{7,64}\b"), "HASH"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?:\+00:00)?)?"), "TIME"),
    (re.compile(r"<?\b\d+(?:\.\d+)? (?:ms|s)\b"), "DURATION"),
    (re.compile(r"\b\d+[smhdwy](?:\d\d[sm])?\b|\b\d+ (?:second|minute|hour|day)s?\b"), "AGE"),
    (re.compile(r"\b\d[\d,.]*x\b"), "RATIO"),
    (re.compile(r"[▁-█]+"), "BARS"),
    (re.compile(r"[ ─-╿]+"), " "),  # how wide a column is depends on what is in it
]
_SKIPPED = "..."


class Block(NamedTuple):
    """A code block.

    Attributes:
        line: the number of its first line in the document.
        language: what stands behind the backticks.
    """

    line: int
    language: str
    text: str


class Step(NamedTuple):
    """A command of a console block and the output that the document shows; "" if it shows none."""

    line: int
    command: str
    output: str


class Ran(NamedTuple):
    """How a command ended, and what it printed to both streams."""

    status: int
    output: str


def blocks(text: str) -> list[Block]:
    """Return the code blocks of a document."""
    found = re.finditer(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [Block(text.count("\n", 0, block.start()) + 2, block[1], block[2]) for block in found]


def steps(block: Block) -> Iterator[Step]:
    """Split a console block at its prompts."""
    parts = re.split(r"^\$ (.*)\n", block.text, flags=re.MULTILINE)
    line = block.line + parts[0].count("\n")
    for command, output in zip(parts[1::2], parts[2::2], strict=True):
        yield Step(line, command, output)
        line += 1 + output.count("\n")


def run_step(command: str) -> Ran:
    """Run one command of a console block, in this process if it needs no shell."""
    return run_shell(command) if _NEEDS_SHELL.search(command) else _run_here(command)


def _run_here(command: str) -> Ran:
    # As on a terminal of that width. Colours are taken off when outputs are compared.
    with mock.patch.object(terminal_output, "UNLIMITED", COLUMNS):
        result = CliRunner(env={"FORCE_COLOR": "1", "COLUMNS": str(COLUMNS)}).invoke(
            app, shlex.split(command, comments=True)[1:], prog_name="insight"
        )
    if isinstance(result.exception, InsightError):
        return Ran(1, f"{result.output}insight: error: {result.exception}\n")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.output)


def run_shell(script: str, **more: str) -> Ran:
    """Run a script as a reader's shell does, but stop at its first error."""
    command = ["bash", "-euo", "pipefail", "-c", script]
    ran = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **more},
        check=False,
        timeout=120,
    )
    return Ran(ran.returncode, ran.stdout)


def run_python(text: str, names: dict[str, Any]) -> str:
    """Run a Python block and return what it printed; `names` are what earlier blocks defined."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(compile(text, "<document>", "exec"), names)  # it is our own document
    return printed.getvalue()


def is_run(command: str) -> bool:
    """Return whether a test can run the command."""
    return not command.startswith(NOT_RUN)


def expected_status(step: Step) -> set[int]:
    """Return the statuses with which the command may end."""
    if "insight: error:" in step.output:
        return {1, 2}
    return {0, 1} if step.command.startswith("pytest") else {0}  # 1: a test failed


def agrees(shown: str, printed: str) -> bool:
    """Compare what a document shows with what was printed.

    Times, durations, IDs and column widths may differ; `...` stands for any text.
    """
    pattern = re.escape(normal(shown)).replace(re.escape(_SKIPPED), ".*")
    return not shown or re.fullmatch(pattern, normal(printed), re.DOTALL) is not None


def normal(output: str) -> str:
    """Return the output without what differs from run to run."""
    output = output.replace(os.environ["HOME"], "~")
    for pattern, name in _VARIABLE_PARTS:
        output = pattern.sub(name, output)
    return "\n".join(line.rstrip() for line in output.splitlines()).strip()


def renewed(text: str) -> str:
    """Run the document's console blocks in order; return it with the outputs of now."""
    lines = text.splitlines(keepends=True)
    names: dict[str, Any] = {}
    changes = []
    for block in blocks(text):
        if block.language == "python":
            run_python(block.text, names)
        elif block.language == "sh":
            run_shell(block.text)
        elif block.language == "console":
            for step in steps(block):
                if not is_run(step.command):
                    continue
                ran = run_step(step.command)
                if agrees(step.output, ran.output):
                    continue
                if _SKIPPED in step.output:
                    print(f"renew by hand, line {step.line}: {step.command}\n{_shown(ran.output)}")
                else:
                    changes.append((step, _shown(ran.output)))
    for step, output in reversed(changes):
        lines[step.line : step.line + step.output.count("\n")] = [output]
    return "".join(lines)


def _shown(output: str) -> str:
    output = _VARIABLE_PARTS[0][0].sub("", output).replace(os.environ["HOME"], "~")
    return "".join(f"{line.rstrip()}\n" for line in output.splitlines())


def main() -> None:
    """Renew the outputs in every document."""
    with tempfile.TemporaryDirectory() as name:
        history = Path(name, "history")
        make_history(history)
        for document in DOCUMENTS:
            copy = Path(name, document.stem)
            shutil.copytree(history, copy)
            os.environ.update(demo_environment(copy))
            os.chdir(copy / "shop")
            print(document.relative_to(ROOT))
            before = document.read_text("utf-8")
            after = renewed(before)
            os.chdir(ROOT)
            if after != before:
                document.write_text(after, "utf-8")
                print("  renewed")


if __name__ == "__main__":
    main()
