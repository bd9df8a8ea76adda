"""Type checkers accept correct user code and reject mistakes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

USER_CODE = Path(__file__).with_name("user_code.py")
MISTAKES = Path(__file__).with_name("user_mistakes.py")
EXPECTED = {
    (MISTAKES.name, number)
    for number, line in enumerate(MISTAKES.read_text("utf-8").splitlines(), 1)
    if line.endswith("  # error")
}


def check(*command: str) -> str:
    """The output of a type checker that ran and found something."""
    done = subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def test_the_user_code_runs() -> None:
    subprocess.run([sys.executable, str(USER_CODE)], check=True)


def test_mypy_rejects_the_mistakes_and_nothing_else(tmp_path: Path) -> None:
    options = ["--strict", "--config-file=", f"--cache-dir={tmp_path}", "--no-error-summary"]
    printed = check("mypy", *options, str(USER_CODE), str(MISTAKES))
    found = re.findall(r"^.*?(\w+\.py):(\d+): error:", printed, re.MULTILINE)
    assert {(name, int(line)) for name, line in found} == EXPECTED, printed


def test_pyright_rejects_the_mistakes_and_nothing_else(tmp_path: Path) -> None:
    configuration = tmp_path / "pyrightconfig.json"
    rules = {
        "include": [str(USER_CODE), str(MISTAKES)],
        "typeCheckingMode": "strict",
        "reportUnusedImport": False,  # it would report the wrong imports even if they were right
    }
    configuration.write_text(json.dumps(rules))
    # basedpyright is pyright from PyPI alone, with its JavaScript runtime; the wheel `pyright`
    # downloads one.
    options = ["--outputjson", "--pythonpath", sys.executable, "-p", str(configuration)]
    report: dict[str, Any] = json.loads(check("basedpyright", *options))
    errors = [each for each in report["generalDiagnostics"] if each["severity"] == "error"]
    found = {(Path(each["file"]).name, each["range"]["start"]["line"] + 1) for each in errors}
    assert found == EXPECTED, errors
