"""Put the page together: its markup, style, scripts and data in one text."""

from __future__ import annotations

from pathlib import Path

from pytest_insight.reports.html.data import packed
from pytest_insight.reports.report import Report

FOLDER = Path(__file__).parent
SCRIPTS = (
    *("elements", "texts", "address", "pictures", "causes", "tables", "compare", "matrix"),
    *("details", "keyboard", "page"),
)
"""The scripts in the order in which they define what later ones use."""


def html_page(report: Report) -> str:
    """Return the page of a report.

    Nothing of the report is in its markup: names and texts are in the compressed data, and the
    scripts show them by `textContent` alone.
    """
    scripts = "\n".join(_read(f"{name}.js") for name in SCRIPTS)
    parts = {"style": _read("page.css"), "data": packed(report), "script": scripts}
    page = _read("page.html")
    for name, text in parts.items():
        before, after = page.split(f"{{{{{name}}}}}")
        page = before + text + after
    return page


def _read(name: str) -> str:
    return (FOLDER / name).read_text("utf-8")
