"""A recorded run that fills the disk for a moment and is killed; run by `test_recording`.

`python -m tests.faults.full_run FOLDER`: the folder is empty and a whole small file system. Prints
the sessions that are recovered, as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from pytest_insight import locations
from pytest_insight.recording.journal.recovery import recover_journals
from pytest_insight.storage import JSONStorage

_SUITE = """
import os, signal
from pathlib import Path
import pytest
from tests.faults.full import fill

FILLER = Path({filler!r})

def test_before():
    pass

def test_fills():
    fill(FILLER)

@pytest.mark.parametrize("number", range(50))
def test_while_it_is_full(number):
    pass

def test_frees():
    FILLER.unlink()

def test_after():
    assert 0

def test_dies():
    os.kill(os.getpid(), signal.SIGKILL)
"""


def main(small: Path) -> None:
    """Run the suite and recover its journal."""
    os.environ[locations.HOME_VARIABLE] = str(small / "home")
    Path("test_full.py").write_text(_SUITE.format(filler=str(small / "filler")))
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "--insight", "-p", "no:cacheprovider"],
        stdout=subprocess.DEVNULL,
        check=False,
    )
    assert ran.returncode == -signal.SIGKILL
    found = list(recover_journals(locations.journal_folder()))
    sessions = JSONStorage().load_sessions()
    outcomes = [[(r.nodeid, str(r.outcome)) for r in each.test_results] for each in sessions]
    print(json.dumps([[each.message for each in found], outcomes]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
