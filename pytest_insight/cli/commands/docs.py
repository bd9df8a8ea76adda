"""`insight docs`: the manual, one Markdown file per topic in `pytest_insight/docs`."""

from __future__ import annotations

import sys
from importlib.resources import files
from typing import Annotated

import typer

from pytest_insight.cli.lazy_group import single_command
from pytest_insight.cli.terminal.output import print_styled
from pytest_insight.cli.terminal.pager import paged
from pytest_insight.cli.terminal.styled import styled
from pytest_insight.errors import UnknownChoiceError

TOPICS = (
    "recording",
    "verdicts",
    "compare",
    "report",
    "profiles",
    "databases",
    "exchange",
    "coming-from",
    "upkeep-and-undo",
    "recipes",
    "python",
    "backends",
    "commands",
    "reference",
    "changes",
)
"""The topics in the order in which a new user reads them."""

WIDTH = 100
"""The longest line of the manual on a wide terminal, in columns."""


def _matching_topics(incomplete: str) -> list[str]:
    return [topic for topic in TOPICS if topic.startswith(incomplete)]


def docs(
    topic: Annotated[
        str | None,
        typer.Argument(
            metavar="TOPIC",
            help="The topic to show. Default: list the topics.",
            autocompletion=_matching_topics,
        ),
    ] = None,
) -> None:
    """Show the manual: its topics, or one of them.

    Example: insight docs recording
    """
    if topic is None:
        _list_topics()
    elif topic in TOPICS:
        _show(topic_text(topic))
    else:
        raise UnknownChoiceError("topic", topic, TOPICS)


def topic_text(topic: str) -> str:
    """Return a topic's Markdown."""
    return (files("pytest_insight") / "docs" / f"{topic}.md").read_text("utf-8")


def _list_topics() -> None:
    width = max(map(len, TOPICS))
    for topic in TOPICS:
        heading = topic_text(topic).partition("\n")[0].removeprefix("# ")
        print_styled(styled(styled(f"{topic:{width}}", style="bold"), f"  {heading}"))


def _show(text: str) -> None:
    if not sys.stdout.isatty():
        print(text, end="")
        return
    from rich.console import Console
    from rich.markdown import Markdown

    with paged():
        console = Console()
        console.width = min(console.width, WIDTH)
        console.print(Markdown(text, hyperlinks=False))


app = single_command(docs)
