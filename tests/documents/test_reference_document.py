"""What the reference documentation of the storage system promises, sample by sample.

Its names are promises to users. Only `/path/to` and `/tmp` are replaced, by a folder of the test.
"""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pytest_insight.models import TestSession
from pytest_insight.storage import BaseStorage, InMemoryStorage, JSONStorage
from tests.conftest import MakeSession


@pytest.fixture
def session(make_session: MakeSession) -> TestSession:
    return make_session(session_id="session-123", session_start_time=datetime.now(UTC))


@pytest.fixture
def old_session(make_session: MakeSession) -> TestSession:
    return make_session(
        session_id="session-old", session_start_time=datetime.now(UTC) - timedelta(days=30)
    )


@pytest.fixture
def default_path(tmp_path: Path) -> Path:
    return tmp_path / "home" / ".pytest_insight" / "sessions.json"


# Storage architecture ---------------------------------------------------------------------------


def test_the_core_components_exist() -> None:
    from pytest_insight.storage import (
        BaseStorage,
        InMemoryStorage,
        JSONStorage,
        ProfileManager,
        StorageProfile,
    )

    assert inspect.isabstract(BaseStorage)
    assert issubclass(JSONStorage, BaseStorage)
    assert issubclass(InMemoryStorage, BaseStorage)
    assert inspect.isclass(ProfileManager)
    profile = StorageProfile(name="x", storage_type="json", file_path=None)
    assert (profile.name, profile.storage_type, profile.file_path) == ("x", "json", None)


# Storage backends -------------------------------------------------------------------------------


def test_a_json_storage_persists_across_restarts(default_path: Path, session: TestSession) -> None:
    JSONStorage().save_session(session)
    assert json.loads(default_path.read_text("utf-8"))["sessions"][0]["session_id"] == "session-123"
    script = (
        "from pytest_insight.storage import JSONStorage\n"
        "print([session.session_id for session in JSONStorage().load_sessions()])"
    )
    restarted = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert restarted.stdout.split() == [b"['session-123']"]


def test_json_storage_takes_a_custom_file_path(tmp_path: Path, session: TestSession) -> None:
    for file_path in (str(tmp_path / "text.json"), tmp_path / "path.json"):
        JSONStorage(file_path=file_path).save_session(session)
        assert Path(file_path).is_file()


def test_a_json_storage_backs_up_a_corrupt_file(
    default_path: Path, session: TestSession, old_session: TestSession
) -> None:
    storage = JSONStorage()
    storage.save_sessions([old_session, session])
    damaged = default_path.read_bytes().replace(b'"outcome"', b"outcome", 1)
    default_path.write_bytes(damaged)
    with pytest.warns(UserWarning, match="cannot be read"):
        assert storage.load_sessions() == [session]
    [backup] = default_path.parent.glob("sessions.json.*.bak")
    assert backup.read_bytes() == damaged


def test_memory_is_lost_with_the_instance(session: TestSession, default_path: Path) -> None:
    storage = InMemoryStorage()
    storage.save_session(session)
    assert storage.load_sessions() == [session]
    assert InMemoryStorage().load_sessions() == []
    assert not default_path.parent.exists()


# Storage profiles -------------------------------------------------------------------------------


def test_sample_of_profile_management(tmp_path: Path) -> None:
    from pytest_insight.storage import (
        create_profile,
        get_active_profile,
        list_profiles,
        switch_profile,
    )

    # Create profiles for different purposes
    create_profile("production", "json", f"{tmp_path}/path/to/production/data.json")
    create_profile("demo", "json", f"{tmp_path}/path/to/demo/data.json")
    create_profile("tutorial", "memory")  # In-memory storage for tutorials

    # Switch to a specific profile
    switch_profile("demo")

    # List all available profiles
    profiles = list_profiles()

    # Get the currently active profile
    active_profile = get_active_profile()

    assert set(profiles) == {"default", "production", "demo", "tutorial"}
    assert profiles["production"].file_path == f"{tmp_path}/path/to/production/data.json"
    assert profiles["tutorial"].storage_type == "memory"
    assert active_profile == profiles["demo"]
    assert (tmp_path / "home" / ".pytest_insight" / "profiles.json").is_file()


def test_sample_of_using_profiles_with_storage(tmp_path: Path) -> None:
    from pytest_insight.storage import create_profile, get_storage_instance

    create_profile("demo", "json", tmp_path / "demo.json")

    # Get storage using the active profile
    storage = get_storage_instance()
    assert isinstance(storage, JSONStorage)

    # Get storage using a specific profile
    storage = get_storage_instance(profile_name="demo")
    assert storage.location == str(tmp_path / "demo.json")

    # Profile settings override direct parameters
    storage = get_storage_instance(
        profile_name="demo", storage_type="memory"
    )  # Uses demo profile's storage_type
    assert isinstance(storage, JSONStorage)


def test_sample_of_the_environment_variable(
    tmp_path: Path, session: TestSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pytest_insight.storage import create_profile, get_active_profile, get_storage_instance

    create_profile("demo", "json", tmp_path / "demo.json")
    get_storage_instance(profile_name="demo").save_session(session)

    # Use the demo profile for this session
    monkeypatch.setenv("PYTEST_INSIGHT_PROFILE", "demo")

    assert get_active_profile().name == "demo"
    assert get_storage_instance().load_sessions() == [session]


# Simple file exchange ---------------------------------------------------------------------------


@pytest.fixture(params=["json", "memory"])
def storage(request: pytest.FixtureRequest) -> BaseStorage:
    return JSONStorage() if request.param == "json" else InMemoryStorage()


def test_sample_of_export_operations(
    storage: BaseStorage, session: TestSession, old_session: TestSession, tmp_path: Path
) -> None:
    storage.save_session(old_session)
    storage.save_session(session)

    # Export all sessions
    storage.export_sessions(f"{tmp_path}/export.json")

    # Export sessions from the last 7 days
    storage.export_sessions(f"{tmp_path}/recent.json", days=7)

    # Export in CSV format
    storage.export_sessions(f"{tmp_path}/export.csv", output_format="csv")

    expected = {
        "export.json": [old_session, session],
        "recent.json": [session],
        "export.csv": [old_session, session],
    }
    for name, sessions in expected.items():
        other = InMemoryStorage()
        other.import_sessions(tmp_path / name)
        assert other.load_sessions() == sessions
    assert (tmp_path / "export.csv").read_text("utf-8").startswith("session_id,")


def test_sample_of_import_operations(
    storage: BaseStorage, session: TestSession, tmp_path: Path, make_session: MakeSession
) -> None:
    storage.save_session(session)
    storage.export_sessions(f"{tmp_path}/import.json")
    changed = make_session(session_id="session-123", sut_name="changed")
    storage.save_session(changed)

    # Import sessions with default settings (skip existing)
    storage.import_sessions(f"{tmp_path}/import.json")
    assert storage.load_sessions() == [changed]

    # Import with custom merge strategy
    storage.import_sessions(f"{tmp_path}/import.json", merge_strategy="replace_existing")
    assert storage.load_sessions() == [session]


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("skip_existing", {"session-123": "stored"}),
        ("replace_existing", {"session-123": "imported"}),
        ("keep_both", {"session-123": "stored", "session-123-2": "imported"}),
    ],
)
def test_the_merge_strategies(
    storage: BaseStorage,
    tmp_path: Path,
    make_session: MakeSession,
    strategy: str,
    expected: dict[str, str],
) -> None:
    storage.save_session(make_session(session_id="session-123", sut_name="imported"))
    storage.export_sessions(tmp_path / "import.json")
    storage.save_session(make_session(session_id="session-123", sut_name="stored"))
    storage.import_sessions(tmp_path / "import.json", merge_strategy=strategy)
    assert {each.session_id: each.sut_name for each in storage.load_sessions()} == expected


def test_sample_of_profile_specific_import_and_export(tmp_path: Path, session: TestSession) -> None:
    from pytest_insight.storage import create_profile, get_storage_instance, switch_profile

    create_profile("production")
    create_profile("demo")
    get_storage_instance(profile_name="production").save_session(session)

    # Export from production profile
    switch_profile("production")
    storage = get_storage_instance()
    storage.export_sessions(f"{tmp_path}/export.json")

    # Import to demo profile
    switch_profile("demo")
    storage = get_storage_instance()
    storage.import_sessions(f"{tmp_path}/export.json")

    assert get_storage_instance(profile_name="demo").load_sessions() == [session]


def test_each_profile_can_have_exchange_settings(
    tmp_path: Path, session: TestSession, old_session: TestSession
) -> None:
    from pytest_insight.storage import create_profile, get_storage_instance

    create_profile("ci", export_format="csv", export_days=7, merge_strategy="keep_both")
    storage = get_storage_instance(profile_name="ci")
    storage.save_sessions([session, old_session])
    assert storage.export_sessions(tmp_path / "export") == 1
    assert storage.import_sessions(tmp_path / "export").renamed == 1


# Configuration ----------------------------------------------------------------------------------


def test_the_default_settings(default_path: Path, session: TestSession) -> None:
    from pytest_insight.storage import create_profile, get_active_profile, get_storage_instance

    storage = get_storage_instance()
    assert storage.storage_type == "json"
    assert storage.location == str(default_path)
    assert get_active_profile().name == "default"
    create_profile("any")
    assert (default_path.parent / "profiles.json").is_file()


def test_the_environment_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pytest_insight.storage import get_storage_instance

    monkeypatch.setenv("PYTEST_INSIGHT_DB_PATH", str(tmp_path / "other.json"))
    assert get_storage_instance().location == str(tmp_path / "other.json")
    monkeypatch.setenv("PYTEST_INSIGHT_STORAGE_TYPE", "memory")
    assert isinstance(get_storage_instance(), InMemoryStorage)


# API reference ----------------------------------------------------------------------------------


def test_sample_of_the_storage_instance(tmp_path: Path, default_path: Path) -> None:
    from pytest_insight.storage import create_profile, get_storage_instance

    create_profile("demo", "memory")

    # Get storage with defaults
    storage = get_storage_instance()
    assert storage.location == str(default_path)

    # Specify storage type
    storage = get_storage_instance(storage_type="json")
    assert storage.location == str(default_path)

    # Specify file path
    storage = get_storage_instance(file_path=f"{tmp_path}/custom/path.json")
    assert storage.location == f"{tmp_path}/custom/path.json"

    # Specify profile
    storage = get_storage_instance(profile_name="demo")
    assert isinstance(storage, InMemoryStorage)


def test_sample_of_storage_operations(storage: BaseStorage, make_session: MakeSession) -> None:
    test_session = make_session(3, session_id="session-123")
    session1, session2 = make_session(1), make_session(2)
    storage.save_sessions([session1, session2])

    # Save a test session
    storage.save_session(test_session)

    # Load all sessions
    sessions = storage.load_sessions()
    assert sessions == [session1, session2, test_session]

    # Get the most recent session
    latest = storage.get_last_session()
    assert latest == test_session

    # Get a session by ID
    session = storage.get_session_by_id("session-123")
    assert session == test_session

    # Clear specific sessions
    storage.clear_sessions(sessions_to_clear=[session1, session2])
    assert storage.load_sessions() == [test_session]

    # Clear all sessions
    storage.clear_sessions()
    assert storage.load_sessions() == []


def test_sample_of_the_profile_managers_reference(tmp_path: Path) -> None:
    from pytest_insight.storage import (
        ProfileManager,
        create_profile,
        get_active_profile,
        list_profiles,
        switch_profile,
    )

    create_profile("old-profile")

    # Create a profile
    profile = create_profile("name", "json", f"{tmp_path}/file_path")

    # Switch profiles
    active = switch_profile("name")
    assert active == profile

    # List all profiles
    profiles = list_profiles()
    assert profiles["name"] == profile

    # Get active profile
    active = get_active_profile()
    assert active == profile

    # Advanced: Direct ProfileManager usage
    manager = ProfileManager()
    manager.create_profile("custom", "json", f"{tmp_path}/path/to/file.json")
    manager.delete_profile("old-profile")
    assert set(list_profiles()) == {"default", "name", "custom"}


# Integration with queries -----------------------------------------------------------------------


def test_sample_of_querying(session: TestSession, old_session: TestSession) -> None:
    from pytest_insight import query
    from pytest_insight.storage import get_storage_instance

    storage = get_storage_instance()
    storage.save_sessions([TestSession("s-1", "service", datetime.now(UTC)), session, old_session])

    # Query using the active profile's storage
    results = query.for_sut("service").in_last_days(7).execute()
    assert [found.session_id for found in results] == ["s-1"]

    # Query with test-level filtering
    results = query.filter_by_test().with_outcome("failed").apply().execute()
    assert {found.session_id for found in results} == {"session-123", "session-old"}
    assert {test.outcome for test in results.tests()} == {"failed"}


def test_reading_creates_no_file(tmp_path: Path) -> None:
    from pytest_insight import query, storage

    storage.get_storage_instance().load_sessions()
    storage.list_profiles()
    storage.get_active_profile()
    query.latest().execute()
    assert list((tmp_path / "home").iterdir()) == []
