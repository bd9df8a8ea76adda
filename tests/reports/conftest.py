"""A real Chromium, and pages in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from pytest_insight.reports.html.page import html_page
from pytest_insight.reports.report import Report
from tests.tools import tool


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all tests of this process."""
    path = tool("chromium")
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


class OpenPage(Protocol):
    """`open_page(report, "#filter=pay")`: the page of a report, when it is shown."""

    def __call__(
        self,
        report: Report,
        address: str = "",
        *,
        width: int = 1200,
        script: str = "",
        shown: str = "#summary",
        expected: str = "",
        **context: Any,
    ) -> Page: ...


@pytest.fixture
def open_page(chromium: Browser, tmp_path: Path) -> Iterator[OpenPage]:
    """Opens pages; at the end, none has said anything on the console or asked for anything."""
    problems: list[str] = []
    contexts = []
    file = tmp_path / "report.html"

    def open_(
        report: Report,
        address: str = "",
        *,
        width: int = 1200,
        script: str = "",
        shown: str = "#summary",
        expected: str = "",
        **context: Any,
    ) -> Page:
        file.write_text(html_page(report), "utf-8")
        made = chromium.new_context(viewport={"width": width, "height": 800}, **context)
        contexts.append(made)
        page = made.new_page()

        def note(text: str) -> None:
            if not expected or expected not in text:
                problems.append(text)

        page.set_default_timeout(5_000)
        page.on("console", lambda message: note(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: problems.append(request.url))
        if script:
            page.add_init_script(script)
        page.goto(f"{file.as_uri()}{address}")
        page.wait_for_selector(shown)
        return page

    yield open_
    for each in contexts:
        each.close()
    assert set(problems) <= {file.as_uri()}
