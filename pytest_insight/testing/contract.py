"""All rules together."""

from __future__ import annotations

from pytest_insight.testing.deletion import DeletingRules
from pytest_insight.testing.exports import ExportRules
from pytest_insight.testing.imports import ImportRules
from pytest_insight.testing.lifecycle import LifeRules
from pytest_insight.testing.lookup import FindingRules
from pytest_insight.testing.round_trip import SavingRules
from pytest_insight.testing.selections import SelectingRules
from pytest_insight.testing.upkeep import UpkeepRules


class StorageContract(
    SavingRules,
    FindingRules,
    SelectingRules,
    DeletingRules,
    UpkeepRules,
    ExportRules,
    ImportRules,
    LifeRules,
):
    """Every rule of `BaseStorage`, one test each, on the storage that a subclass provides.

    A subclass whose name pytest collects (`Test...`) provides the fixture `storage`, an empty
    storage that nobody else uses, and overrides `reopened` where its data outlives the object.
    """
