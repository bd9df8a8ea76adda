"""The workflows in `recipes.md`, run job by job in clones of a real repository.

`python -m tests.outside.recipes` (`make test-recipes`): for GitHub Actions and GitLab CI, two
shards on main, two on a branch that breaks a test, and two on one that breaks none. Artifacts are
files; what the services themselves do (check out, cache, pass files on) is done here in the same
way.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tests.demo.history import demo_environment

RECIPES = Path(__file__).parents[2] / "pytest_insight" / "docs" / "recipes.md"
SHARDS = ("unit", "integration")
FILES = {
    "pyproject.toml": "[tool.pytest.ini_options]\npythonpath = ['.']\n",
    "cart.py": "def total(prices): return sum(prices)\n",
    "tests/unit/test_cart.py": "from cart import total\ndef test_total(): assert total([1]) == 1\n",
    "tests/integration/test_api.py": "def test_stock(): raise TimeoutError('redis')\n"
    "def test_login(): pass\n",
}
BREAKS = {"cart.py": "def total(prices): return sum(prices) / None\n"}
BREAKS_NOTHING = {
    "tests/integration/test_api.py": "def test_stock(): raise TimeoutError('redis')\n"
    "def test_logins(): pass\n"
}


class Service(NamedTuple):
    """A CI service.

    Attributes:
        name: its heading in the recipes.
        indent: of the names of jobs.
        history: whether the history is passed on as an artifact, not only in a cache.
        push: the variables of a build of main.
        request: those of a pull request from the branch `fix`.
    """

    name: str
    indent: str
    history: bool
    push: Mapping[str, str]
    request: Mapping[str, str]

    def run_id(self, number: int) -> dict[str, str]:
        """Return the variables that identify a run."""
        return {"GITHUB_RUN_ID": str(number), "CI_PIPELINE_ID": str(number)}


SERVICES = (
    Service(
        *("GitHub Actions", "  ", False),
        {"GITHUB_ACTIONS": "true", "GITHUB_REF_NAME": "main", "GITHUB_REF_TYPE": "branch"},
        {"GITHUB_ACTIONS": "true", "GITHUB_REF_NAME": "7/merge", "GITHUB_HEAD_REF": "fix"},
    ),
    Service(
        *("GitLab CI", "", True),
        {"GITLAB_CI": "true", "CI_COMMIT_BRANCH": "main"},
        {"GITLAB_CI": "true", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "fix"},
    ),
)


class Pipeline:
    """Runs the jobs of one service; `folder` has the repository, the cache and the artifacts."""

    def __init__(self, service: Service, folder: Path) -> None:
        self._service = service
        self._folder = folder
        self._number = 0
        self.repository = folder / "origin" / "shop"
        for name in ("cache", "artifacts"):
            (folder / name).mkdir(parents=True)

    def git(self, *arguments: str, folder: Path | None = None) -> None:
        """Run git in the repository, or in a clone."""
        place = folder or self.repository
        place.mkdir(parents=True, exist_ok=True)
        subprocess.run(["git", *arguments], cwd=place, env=demo_environment(place), check=True)

    def commit(self, files: Mapping[str, str]) -> None:
        """Commit files."""
        for name, text in files.items():
            path = self.repository / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", ".")
        self.git("commit", "-q", "-m", "a change")

    def push(self) -> int:
        """Run the jobs for a commit on main; return the status of the last one."""
        self._test(self._service.push)
        return self._job("history", self._folder / "artifacts", self._folder / "cache")

    def request(self) -> int:
        """Run the jobs for a pull request; return the status of the comparison."""
        self._test(self._service.request)
        clone = self._clone()
        for file in (self._folder / "artifacts").iterdir():
            shutil.copy(file, clone)
        home = self._folder / f"home {self._number}"
        home.mkdir()
        if not self._service.history:  # the cache is restored
            shutil.copytree(self._folder / "cache", home, dirs_exist_ok=True)
        return self._job("compare", clone, home)

    def _test(self, variables: Mapping[str, str]) -> None:
        self._number += 1
        for file in (self._folder / "artifacts").glob("shard-*"):
            file.unlink()
        for shard in SHARDS:
            clone = self._clone("--depth", "1")
            home = clone.parent / f"home {shard}"
            more = {**variables, **self._service.run_id(self._number)}
            self._job("test", clone, home, shard, GITHUB_JOB="test", **more)
            for file in clone.glob("shard-*"):
                shutil.copy(file, self._folder / "artifacts")

    def _clone(self, *options: str) -> Path:
        """Return a clone whose HEAD is detached, as those of CI services are."""
        parent = Path(tempfile.mkdtemp(dir=self._folder))
        clone = parent / "shop"
        self.git("clone", "-q", *options, f"file://{self.repository}", str(clone))
        self.git("checkout", "-q", "--detach", folder=clone)
        return clone

    def _job(self, job: str, folder: Path, home: Path, shard: str = "", **variables: str) -> int:
        """Run the commands of a job; return the status of the last one."""
        status = 0
        for line in commands(self._service, job):
            command = line.replace("${{ matrix.shard }}", shard).replace("$SHARD", shard)
            environment = demo_environment(home) | variables
            environment |= {"PYTEST_INSIGHT_HOME": str(home), "PYTEST_ADDOPTS": "-q"}
            environment["GITHUB_STEP_SUMMARY"] = str(folder / "summary.md")
            print(f"\n{self._service.name}, {job} {shard}$ {command}", flush=True)
            status = subprocess.run(
                ["bash", "-c", command], cwd=folder, env=environment, check=False
            ).returncode
            if status and not command.startswith("pytest") and "--exit-code" not in command:
                raise SystemExit(f"{command} ended with status {status}")
        return status


def commands(service: Service, job: str) -> list[str]:
    """Return the commands of pytest and insight in a job of the recipe."""
    text = RECIPES.read_text("utf-8").partition(f"### {service.name}\n")[2]
    text = text.partition("```yaml\n")[2].partition("```")[0]
    jobs = re.split(rf"^{service.indent}(\w+):\n", text, flags=re.MULTILINE)
    of_job = jobs[jobs.index(job) + 1]
    found = re.findall(r"^ *- (?:run: )?((?:pytest|insight) .*)", of_job, re.MULTILINE)
    assert found, (service.name, job)
    return found


def main() -> None:
    """Run all jobs, and exit with an error unless the comparison stops the right branch only."""
    for service in SERVICES:
        with tempfile.TemporaryDirectory() as folder:
            pipeline = Pipeline(service, Path(folder))
            pipeline.git("init", "-q", "-b", "main")
            pipeline.commit(FILES)
            assert pipeline.push() == 0
            found = {}
            for name, files in {"breaks": BREAKS, "breaks nothing": BREAKS_NOTHING}.items():
                pipeline.git("checkout", "-q", "-B", "fix", "main")
                pipeline.commit(files)
                found[name] = pipeline.request()
            if found != {"breaks": 3, "breaks nothing": 0}:
                sys.exit(f"{service.name}: the comparison ended with {found}")
            print(f"\n{service.name}: the branch that breaks a test is stopped, the other is not")


if __name__ == "__main__":
    os.environ.pop("PYTEST_INSIGHT_PROFILE", None)
    main()
