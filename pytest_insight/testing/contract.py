"""All rules together."""

from __future__ import annotations

from pytest_insight.testing.deleting import DeletingRules
from pytest_insight.testing.exchanging import ExportRules
from pytest_insight.testing.finding import FindingRules
from pytest_insight.testing.life import LifeRules
from pytest_insight.testing.merging import ImportRules
from pytest_insight.testing.saving import SavingRules
from pytest_insight.testing.selecting import SelectingRules
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
