"""The project in the current folder is what pytest would run there, with its settings."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_insight.errors import InsightError
from pytest_insight.profiles.project import Project, find_project

PYPROJECT = "[project]\nname = 'x'\n"
KEYS = "insight_profile = shop\ninsight_sut = till\ninsight_cause_masks =\n  a (b)\n\n  c (d)\n"
TOML_KEYS = (
    "insight_profile = 'shop'\ninsight_sut = 'till'\ninsight_cause_masks = ['a (b)', 'c (d)']\n"
)

LAYOUTS: dict[str, dict[str, str]] = {
    "no file at all": {},
    "pytest.toml": {"pytest.toml": f"[pytest]\n{TOML_KEYS}"},
    ".pytest.toml, empty": {".pytest.toml": ""},
    "pytest.ini": {"pytest.ini": f"[pytest]\n{KEYS}"},
    "pytest.ini, empty, counts before others": {"pytest.ini": "", "tox.ini": f"[pytest]\n{KEYS}"},
    ".pytest.ini": {".pytest.ini": f"[pytest]\n{KEYS}"},
    "pyproject.toml, ini_options": {"pyproject.toml": f"[tool.pytest.ini_options]\n{TOML_KEYS}"},
    "pyproject.toml, ini_options, empty": {"pyproject.toml": "[tool.pytest.ini_options]\n"},
    "pyproject.toml, ini_options, numbers": {
        "pyproject.toml": "[tool.pytest.ini_options]\ninsight_profile = 3\ninsight_sut = false\n"
    },
    "pyproject.toml, native": {"pyproject.toml": f"[tool.pytest]\n{TOML_KEYS}"},
    "pyproject.toml of something else": {"pyproject.toml": PYPROJECT},
    "pyproject.toml of something else, tox.ini": {
        "pyproject.toml": PYPROJECT,
        "tox.ini": f"[pytest]\n{KEYS}",
    },
    "tox.ini": {"tox.ini": f"[pytest]\n{KEYS}"},
    "tox.ini of something else": {"tox.ini": "[tox]\n"},
    "setup.cfg": {"setup.cfg": f"[tool:pytest]\n{KEYS}"},
    "setup.py alone": {"setup.py": ""},
    "a closer pyproject.toml without settings": {
        "pyproject.toml": f"[tool.pytest.ini_options]\n{TOML_KEYS}",
        "below/pyproject.toml": PYPROJECT,
    },
    "two pyproject.toml without settings": {
        "pyproject.toml": PYPROJECT,
        "below/pyproject.toml": PYPROJECT,
    },
    "a closer file": {
        "pytest.ini": "[pytest]\ninsight_sut = far\n",
        "below/tox.ini": f"[pytest]\n{KEYS}",
    },
    "options in addopts": {
        "pytest.ini": "[pytest]\naddopts = -q --insight-profile=shop --insight-sut 'a till'\n"
    },
    "options in addopts, native": {
        "pyproject.toml": "[tool.pytest]\naddopts = ['--insight-profile', 'shop']\n"
    },
    "a byte order mark and comments": {
        "pytest.ini": "# settings\n[pytest]\ninsight_profile = shop  # ours\n"
    },
}

CONFTEST = """
import json
from pathlib import Path

def pytest_configure(config):
    from pytest_insight.recording.setup import _profile_name, sut_name_of
    masks = config.getini("insight_cause_masks")
    found = [str(config.rootpath), _profile_name(config), sut_name_of(config), masks]
    Path(config.invocation_params.dir, "pytest-says.json").write_text(json.dumps(found))
"""


@pytest.fixture
def below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "shop" / "below"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


SINCE_9 = {
    *("pytest.toml", ".pytest.toml, empty", "pyproject.toml, native"),
    *("options in addopts, native", "pyproject.toml of something else"),
}
"""What pytest 9 reads, and pytest 8.0 does not."""


@pytest.mark.parametrize("name", LAYOUTS)
def test_root_profile_and_sut_are_those_of_pytest_there(below: Path, name: str) -> None:
    if name in SINCE_9 and pytest.version_tuple < (9,):
        pytest.skip("pytest reads this from version 9 on")
    files = LAYOUTS[name]
    for name, text in files.items():
        (below.parent / name).write_text(text)
    (below / "says.py").write_text(CONFTEST)
    subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "says", "--collect-only", "-q"],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(below), "HOME": str(below)},
        check=False,
        capture_output=True,
    )
    said = json.loads((below / "pytest-says.json").read_text())
    project = find_project()
    assert project is not None
    masks = list(project.cause_masks)
    assert [str(project.root), project.profile, project.sut_name, masks] == said


def test_a_project_says_which_file_decided(below: Path) -> None:
    (below.parent / "tox.ini").write_text("[pytest]\n")
    project = find_project()
    assert project == Project(below.parent, below.parent / "tox.ini", None, "shop")
    assert project.title.startswith("tox.ini of ")


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("pyproject.toml", "[tool.pytest.ini_options\n", "Expected"),
        ("pytest.toml", "pytest = 3\n", "pytest is not a table"),
        ("pytest.ini", "insight_profile = shop\n", "no section header"),
        ("pytest.ini", "[pytest]\naddopts = 'open\n", "No closing quotation"),
        ("pytest.toml", "[pytest]\ninsight_profile = 3\n", "insight_profile is 3, not a text"),
        (
            "pyproject.toml",
            "[tool.pytest.ini_options]\ninsight_profile = [1, 2]\n",
            r"insight_profile is \[1, 2\], not a text",
        ),
        ("pytest.toml", "[pytest]\ninsight_cause_masks = 3\n", "insight_cause_masks is 3, not a"),
        ("pyproject.toml", b"\xff", "utf-8"),
    ],
)
def test_a_file_that_pytest_could_not_read_is_an_error_with_its_path(
    below: Path, name: str, text: str | bytes, why: str
) -> None:
    (below / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InsightError, match=why) as caught:
        find_project()
    assert str(below / name) in str(caught.value)


def test_without_a_current_folder_there_is_no_project(below: Path) -> None:
    below.rmdir()
    assert find_project() is None
