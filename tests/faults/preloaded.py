"""Imported by the server that processes are forked from: every operation is done there once.

A process then imports no module, which takes most of its time, and would write compiled files.
"""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from typer.testing import CliRunner

from pytest_insight.cli.app import app
from tests.faults.places import KINDS, Place
from tests.faults.refused import OPERATIONS, furnish, perform

with TemporaryDirectory() as _folder, patch.dict(os.environ):
    for _number, (_name, _operation) in enumerate(OPERATIONS.items()):
        for _kind in filter(_operation.concerns, KINDS):
            _place = Place(_kind, Path(_folder, f"{_number}-{_kind}", KINDS[_kind].file))
            furnish(_place, _name)
            perform(_place, _name)
    os.environ["PYTEST_INSIGHT_HOME"] = _folder
    for _command in ("sessions list", "sessions list --format json", "sessions verify"):
        CliRunner().invoke(app, _command.split())
