"""A real Chromium, and pages in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Protocol

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


@pytest.fixture(scope="session")
def tab(chromium: Browser) -> Page:
    """One page for all tests of this process: a new one takes as long as a test."""
    page = chromium.new_page()
    page.set_default_timeout(5_000)
    return page


class OpenPage(Protocol):
    """`open_page(report, "#filter=pay")`: the page of a report, when it is shown."""

    def __call__(
        self,
        report: Report,
        address: str = "",
        *,
        width: int = 1200,
        scheme: Literal["light", "dark"] = "light",
        shown: str = "#summary",
        expected: str = "",
    ) -> Page: ...


@pytest.fixture
def open_page(tab: Page, tmp_path: Path) -> Iterator[OpenPage]:
    """Opens a page; at the end, it has said nothing on the console and asked for nothing."""
    said: list[str] = []
    allowed = {(tmp_path / "report.html").as_uri()}
    listeners: dict[Any, Any] = {
        "console": lambda message: said.append(message.text),
        "pageerror": lambda error: said.append(str(error)),
        "request": lambda request: said.append(request.url),
    }
    for event, listener in listeners.items():
        tab.on(event, listener)
    words: list[str] = []

    def open_(
        report: Report,
        address: str = "",
        *,
        width: int = 1200,
        scheme: Literal["light", "dark"] = "light",
        shown: str = "#summary",
        expected: str = "",
    ) -> Page:
        words.append(expected)
        (tmp_path / "report.html").write_text(html_page(report), "utf-8")
        tab.set_viewport_size({"width": width, "height": 800})
        tab.emulate_media(color_scheme=scheme, media="screen")
        tab.goto(f"{(tmp_path / 'report.html').as_uri()}{address}")
        tab.wait_for_selector(shown)
        return tab

    yield open_
    tab.evaluate("0")  # what was said before has arrived
    for event, listener in listeners.items():
        tab.remove_listener(event, listener)
    problems = [text for text in said if not any(word and word in text for word in words)]
    assert set(problems) <= allowed
