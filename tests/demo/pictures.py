"""The pictures that the README shows or links, of the demo's history (`make pictures`)."""

from __future__ import annotations

import io
import os
import shutil
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tests.demo.history import HERE, demo_environment, make_history
from tests.tools import on_terminal

COMMANDS = (
    "insight",
    "insight failures",
    "insight verdicts --branch main --only broken,flaky,slower --limit 4",
    "insight slow --limit 2",
)
COLUMNS = 116
PICTURE = HERE / "pictures" / "questions.svg"
PAGE = HERE / "pictures" / "report.png"


def picture(home: Path) -> str:
    """Return an SVG of a terminal in which the commands were typed, in that home folder."""
    environment = demo_environment(home) | {"TERM": "xterm-256color", "COLORTERM": ""}
    screen = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    for command in COMMANDS:
        shown = on_terminal(command.split(), environment, columns=COLUMNS, folder=home / "shop")
        screen.print(Text.assemble(("$ ", "dim"), (command, "bold")))
        screen.print(Text.from_ansi(shown.text.replace(str(home), "~")), soft_wrap=True)
    return screen.export_svg(title="insight", unique_id="insight")


def take_page(home: Path, picture: Path) -> None:
    """Take a picture of the page of a report, in Chromium."""
    from playwright.sync_api import sync_playwright

    file = home / "report.html"
    on_terminal(
        ["insight", "report", str(file), "--compare", "main"],
        demo_environment(home),
        folder=home / "shop",
    )
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=shutil.which("chromium"))
        page = browser.new_page(viewport={"width": 1000, "height": 760})
        page.goto(file.as_uri())
        page.wait_for_selector("#summary")
        page.screenshot(path=picture)
        browser.close()


def main() -> None:
    """Write the pictures."""
    home = Path(".demo").resolve()
    shutil.rmtree(home, ignore_errors=True)
    make_history(home)
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(picture(home), "utf-8")
    take_page(home, PAGE)
    for each in (PICTURE, PAGE):
        print(f"{os.path.relpath(each)}: {each.stat().st_size // 1000} kB", file=sys.stderr)


if __name__ == "__main__":
    main()
