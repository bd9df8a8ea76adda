"""The settings of one recorded run, as `setup` reads them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_insight.recording.destination import Destination
from pytest_insight.recording.redaction import TextPolicy

if TYPE_CHECKING:
    from pytest_insight.profiles.profile import StorageProfile

SHORT, FULL, OFF = FORMS = ("short", "full", "off")
"""How much pytest's summary says of what the history knows of failures."""


class Settings:
    """What is decided before a run starts.

    Attributes:
        origin: a text that no other run has.
        profile: the storage that the session is saved in.
        destination: saves it.
        journal_folders: the folder of the journal, and others that may have journals.
        sut_name: the system under test.
        tags: the tags of the session.
        texts: what is kept of texts.
        own_paths: files and folders of pytest-insight, which are not code if they are in the
            working tree.
        ci: facts of the CI service; empty outside CI.
        verdicts: how much the summary says of what the history knows of failures.
        cause_masks: what is masked in messages to tell causes; see `analysis.causes`.
        step_summary: the file of the summary of a GitHub job; None if nothing is appended to it.
    """

    def __init__(
        self,
        *,
        origin: str,
        profile: StorageProfile,
        destination: Destination,
        journal_folders: tuple[Path, ...],
        sut_name: str,
        tags: dict[str, str],
        texts: TextPolicy,
        own_paths: tuple[Path, ...],
        ci: dict[str, str],
        verdicts: str,
        cause_masks: tuple[str, ...],
        step_summary: Path | None,
    ) -> None:
        self.origin = origin
        self.profile = profile
        self.destination = destination
        self.journal_folders = journal_folders
        self.sut_name = sut_name
        self.tags = tags
        self.texts = texts
        self.own_paths = own_paths
        self.ci = ci
        self.verdicts = verdicts
        self.cause_masks = cause_masks
        self.step_summary = step_summary
