"""Small virtual environments made of what is installed here: the same versions, no network."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

from tests.benchmarks.history import ROOT

OURS = "pytest-insight"
METADATA_FILES = ("WHEEL", "INSTALLER", "entry_points.txt")


def with_dependencies(name: str) -> set[str]:
    """A distribution and all it needs, without extras."""
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
    """A virtual environment with exactly these distributions; returns its interpreter.

    This project is put in as pip would put its wheel: package, metadata, list of files.
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
        else:
            _copy(distribution(name), site)
    subprocess.run([python, "-m", "compileall", "-q", site], check=True)
    return python


def _copy(source: Distribution, site: Path) -> None:
    for file in source.files or ():
        # The compiled files come anew, scripts stand outside the site folder.
        if ".." in file.parts or "__pycache__" in file.parts:
            continue
        target = site / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(str(source.locate_file(file)), target)


def _install_ours(site: Path) -> None:
    package = site / "pytest_insight"
    shutil.copytree(ROOT / "pytest_insight", package, ignore=shutil.ignore_patterns("__pycache__"))
    installed = distribution(OURS)
    info = site / f"pytest_insight-{installed.version}.dist-info"
    info.mkdir()
    for name in METADATA_FILES:
        text = installed.read_text(name)
        if text is not None:
            (info / name).write_text(text)
    # What was installed may have had an older README, and pytest reads the metadata as a whole.
    fields = (installed.read_text("METADATA") or "").partition("\n\n")[0]
    (info / "METADATA").write_text(f"{fields}\n\n{(ROOT / 'README.md').read_text()}")
    (info / "RECORD").write_text("".join(_record(site, package, info)))


def _record(site: Path, package: Path, info: Path) -> Iterator[str]:
    """As pip writes it: with a digest, and with the compiled files."""
    digest = "sha256=" + "x" * 43
    tag = sys.implementation.cache_tag
    yield "../../../bin/insight,,\n"
    for path in sorted([*package.rglob("*"), *info.iterdir()]):
        if path.is_dir():
            continue
        name = path.relative_to(site)
        yield f"{name.as_posix()},{digest},{path.stat().st_size}\n"
        if path.suffix == ".py":
            yield f"{(name.parent / '__pycache__' / f'{path.stem}.{tag}.pyc').as_posix()},,\n"
    yield f"{info.name}/RECORD,,\n"
