"""The built wheel: its contents, its metadata, and a run with it away from the checkout."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from email.parser import Parser
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture
def wheel(wheel_path: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(wheel_path)


def test_the_wheel_has_every_module_the_manual_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    patterns = ("**/*.py", "docs/*", "py.typed", "reports/html/*.*")
    files = [path for pattern in patterns for path in (ROOT / "pytest_insight").glob(pattern)]
    shipped = {name for name in wheel.namelist() if ".dist-info/" not in name}
    (man_page,) = (name for name in shipped if ".data/" in name)
    assert man_page.endswith(".data/data/share/man/man1/insight.1")
    assert shipped - {man_page} == {str(path.relative_to(ROOT)) for path in files}


def test_the_metadata_has_the_readme(wheel: zipfile.ZipFile) -> None:
    (name,) = (name for name in wheel.namelist() if name.endswith("METADATA"))
    assert (ROOT / "README.md").read_text("utf-8") in wheel.read(name).decode()


def test_dependencies_have_no_upper_bound(wheel: zipfile.ZipFile) -> None:
    (name,) = (name for name in wheel.namelist() if name.endswith("METADATA"))
    metadata = Parser().parsestr(wheel.read(name).decode())
    needed = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    names = {line.partition(">=")[0] for line in needed}
    assert names == {
        "filelock",
        "iniconfig",
        "msgspec",
        "platformdirs",
        "pydantic",
        "pytest",
        "rich",
        "typer",
    }
    assert not [line for line in needed if "<" in line or "==" in line]


def test_the_entry_points_are_the_command_and_the_plugin(wheel: zipfile.ZipFile) -> None:
    (name,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert wheel.read(name).decode().split() == [
        "[console_scripts]",
        "insight",
        "=",
        "pytest_insight.cli:main",
        "[pytest11]",
        "insight",
        "=",
        "pytest_insight.plugin",
    ]


def runtime_dependencies(name: str = "pytest-insight") -> dict[str, Distribution]:
    """Return the distributions that an installation without extras needs, by normalized name."""
    found: dict[str, Distribution] = {}
    todo = [name]
    while todo:
        name = todo.pop()
        for line in distribution(name).requires or ():
            requirement = Requirement(line)
            needed = canonicalize_name(requirement.name)
            applies = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
            if applies and needed not in found:
                found[needed] = distribution(needed)
                todo.append(needed)
    return found


@pytest.fixture
def installation(wheel_path: Path, tmp_path: Path) -> Path:
    """A virtual environment with the wheel and its runtime dependencies; returns its bin folder.

    The dependencies are linked from the environment of the tests, so that no network is needed.
    """
    folder = tmp_path / "installation"
    venv.create(folder, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    for needed in runtime_dependencies().values():
        for file in needed.files or ():
            top = file.parts[0]
            if top not in ("..", "__pycache__") and not (site / top).exists():
                (site / top).symlink_to(str(needed.locate_file(top)))
    unpack = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    target = ["--disable-pip-version-check", "--target", str(site), str(wheel_path)]
    subprocess.run([*unpack, *target], check=True, capture_output=True)
    return folder / "bin"


def test_the_wheel_records_and_answers_with_its_runtime_dependencies_alone(
    installation: Path, tmp_path: Path
) -> None:
    suite = tmp_path / "suite"
    suite.mkdir()
    (suite / "test_it.py").write_text("def test_good(): pass\ndef test_bad(): assert 1 == 2\n")
    python = str(installation / "python")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [python, "-P", "-m", *arguments]
        return subprocess.run(command, cwd=suite, capture_output=True, text=True, check=False)

    recorded = run("pytest", "--insight")
    assert recorded.returncode == 1, recorded.stdout + recorded.stderr
    assert "1 failed, 1 passed" in recorded.stdout
    listed = run("pytest_insight", "query", "tests", "--outcome", "failed", "--format", "nodeids")
    assert listed.stdout.split() == ["test_it.py::test_bad"], listed.stderr
    manual = run("pytest_insight", "docs", "recording")
    assert manual.stdout.startswith("# Recording"), manual.stderr
    where = run("site")
    assert str(ROOT) not in where.stdout
