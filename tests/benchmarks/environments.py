"""Small virtual environments, copied from the installed packages: same versions, no network."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from collections.abc import Iterable
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

from tests.benchmarks.history import ROOT

OURS = "pytest-insight"
EMPTY = "pytest-nothing"
"""A distribution created here: a pytest plugin that does nothing."""


def with_dependencies(name: str) -> set[str]:
    """Return a distribution and its dependencies, without extras."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop().lower().replace("_", "-")
        if current in found:
            continue
        found.add(current)
        for text in distribution(current).requires or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return found


def build(folder: Path, names: Iterable[str]) -> Path:
    """Create a virtual environment with these distributions; return its interpreter.

    This project is installed as pip installs its wheel: package, metadata, list of files.
    """
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    show = "import sysconfig; print(sysconfig.get_path('purelib'))"
    printed = subprocess.run([python, "-c", show], capture_output=True, text=True, check=True)
    site = Path(printed.stdout.strip())
    for name in sorted(names):
        if name == OURS:
            _install_ours(site)
        elif name == EMPTY:
            _install_empty(site)
        else:
            _copy(distribution(name), site)
    subprocess.run([python, "-m", "compileall", "-q", site], check=True)
    return python


def _copy(source: Distribution, site: Path) -> None:
    for file in source.files or ():
        # Compiled files are made later; scripts are outside the site folder.
        if ".." in file.parts or "__pycache__" in file.parts:
            continue
        target = site / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(str(source.locate_file(file)), target)


def _install_empty(site: Path) -> None:
    """Install the smallest plugin; named insight, so that pytest lists it as it lists ours."""
    (site / "insight_nothing.py").touch()
    about = site / "insight-0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: insight\nVersion: 0\n")
    (about / "entry_points.txt").write_text("[pytest11]\ninsight = insight_nothing\n")
    (about / "INSTALLER").write_text("pip\n")
    installed = ("METADATA", "entry_points.txt", "INSTALLER", "RECORD")
    files = [f"{about.name}/{name}" for name in installed]
    module = Path("insight_nothing.py")
    lines = [f"{file},,\n" for file in [module.name, _compiled(module), *files]]
    (about / "RECORD").write_text("".join(lines))


def _install_ours(site: Path) -> None:
    """Build a wheel, unpack it, and list what pip adds: compiled files and the command."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as unpacked:
            unpacked.extractall(site)
            modules = [Path(name) for name in unpacked.namelist() if name.endswith(".py")]
    (record,) = site.glob("pytest_insight-*.dist-info/RECORD")
    (record.parent / "INSTALLER").write_text("pip\n")
    added = [
        "../../../bin/insight,,",
        f"{record.parent.name}/INSTALLER,,",
        *(f"{_compiled(module)},," for module in modules),
    ]
    record.write_text(record.read_text() + "".join(f"{line}\n" for line in added))


def _compiled(module: Path) -> str:
    name = f"{module.stem}.{sys.implementation.cache_tag}.pyc"
    return (module.parent / "__pycache__" / name).as_posix()
