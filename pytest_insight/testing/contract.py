"""The contract of every storage backend: all rules in one class."""

from __future__ import annotations

from pytest_insight.testing.deletion import DeletionRules
from pytest_insight.testing.exports import ExportRules
from pytest_insight.testing.imports import ImportRules
from pytest_insight.testing.lifecycle import LifecycleRules
from pytest_insight.testing.lookup import LookupRules
from pytest_insight.testing.round_trip import RoundTripRules
from pytest_insight.testing.runs import RunRules
from pytest_insight.testing.selections import SelectionRules
from pytest_insight.testing.upkeep import UpkeepRules


class StorageContract(
    RoundTripRules,
    LookupRules,
    SelectionRules,
    RunRules,
    DeletionRules,
    UpkeepRules,
    ExportRules,
    ImportRules,
    LifecycleRules,
):
    """Every rule of `BaseStorage` as a test of the storage that a subclass provides.

    The name of the subclass must begin with `Test`, so that pytest collects it. It defines the
    fixture `storage`, which returns an empty storage that nothing else uses, and overrides
    `reopened` if the data outlives the object.
    """
