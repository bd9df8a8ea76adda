"""Write all screens anew."""

from __future__ import annotations

import tempfile
from pathlib import Path

from pytest_insight.storage import JSONStorage
from tests.cli.screens import COMMANDS, FOLDER, VARIANTS, screen, sessions_of

for command in COMMANDS:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        JSONStorage(home / ".pytest_insight" / "sessions.json").save_sessions(sessions_of(command))
        for variant in VARIANTS:
            text = screen(command, variant, home)
            (FOLDER / f"{command}-{variant}.txt").write_text(text, "utf-8")
