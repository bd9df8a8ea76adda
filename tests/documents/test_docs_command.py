"""`insight docs`: the topics, a topic in a pipe, a topic on a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_insight.cli.commands.docs import TOPICS
from tests.documents.blocks import MANUAL, run_step
from tests.tools import on_terminal, tool

INSIGHT = Path(sys.executable).with_name("insight")


def test_the_topics_are_listed_with_their_headings() -> None:
    lines = run_step("insight docs").output.splitlines()
    assert len(lines) == len(TOPICS)
    for topic, line in zip(TOPICS, lines, strict=True):
        heading = (MANUAL / f"{topic}.md").read_text("utf-8").splitlines()[0]
        assert topic in line
        assert heading.removeprefix("# ") in line


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_is_plain_markdown_in_a_pipe(topic: str) -> None:
    ran = run_step(f"insight docs {topic}")
    assert (ran.status, ran.output) == (0, (MANUAL / f"{topic}.md").read_text("utf-8"))


def test_a_topic_is_rendered_and_paged_on_a_terminal() -> None:
    environment = {**os.environ, "PAGER": "sed s/^/paged:/", "TERM": "xterm-256color"}
    shown = on_terminal([INSIGHT, "docs", "backends"], environment, columns=80)
    assert shown.status == 0
    assert "paged:" in shown.text
    assert "\x1b[1m" in shown.text
    assert "```" not in shown.text
    assert max(map(len, shown.text.replace("paged:", "").splitlines())) > 70


def test_a_topic_that_is_nearly_right_is_suggested() -> None:
    ran = run_step("insight docs recordng")
    assert ran.status == 2
    assert "unknown topic 'recordng'; did you mean 'recording'?" in ran.output


def test_man_reads_the_man_page_without_complaint() -> None:
    command = [tool("groff"), "-man", "-ww", "-Tutf8", str(MANUAL / "insight.1")]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stderr == ""
    assert "insight - ask what pytest runs have recorded" in ran.stdout.replace("‐", "-")
