from __future__ import annotations

import json
import os
import pty
import re
import stat
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from pytest_insight import locations
from pytest_insight.storage import JSONStorage, list_profiles
from tests.cli.conftest import INSIGHT, Insight
from tests.conftest import MakeSession


def undo_files(storage: JSONStorage) -> list[str]:
    return sorted(path.name for path in locations.undo_folder(storage.location).iterdir())


def test_what_was_cleared_comes_back(insight: Insight, store: JSONStorage) -> None:
    before = store.load_sessions()
    said = insight("sessions", "clear", "--yes").err
    assert "undo this with: insight sessions undo" in said
    assert store.session_ids() == []
    printed = insight("sessions", "undo")
    assert "undid 'sessions clear' of" in printed.err
    assert "restored: 3 sessions (api-0, api-1, api-2)" in printed.err
    assert printed.out == ""
    assert store.load_sessions() == before


def test_a_second_undo_goes_one_further_back_and_then_there_is_nothing(
    insight: Insight, store: JSONStorage
) -> None:
    insight("sessions", "prune", "--keep", "2", "--yes")
    insight("sessions", "clear", "--session", "api-1", "--yes")
    assert "sessions clear" in insight("sessions", "undo").err
    assert store.session_ids() == ["api-1", "api-2"]
    assert "sessions prune" in insight("sessions", "undo").err
    assert store.session_ids() == ["api-0", "api-1", "api-2"]
    assert "nothing to undo" in insight("sessions", "undo").err


def test_a_dry_run_says_what_would_come_back_and_changes_nothing(
    insight: Insight, store: JSONStorage
) -> None:
    insight("sessions", "clear", "--yes")
    before = store.file_path.read_bytes()
    for _ in range(2):
        said = insight("sessions", "undo", "--dry-run").err
        assert "would undo 'sessions clear'" in said
        assert "api-0, api-1, api-2" in said
    assert store.file_path.read_bytes() == before
    insight("sessions", "undo")
    assert store.count() == 3


def test_what_was_saved_since_stays_and_is_named(
    insight: Insight, store: JSONStorage, make_session: MakeSession
) -> None:
    insight("sessions", "clear", "--yes")
    newer = make_session(1, sut_name="newer")
    store.save_sessions([newer, make_session(7)])
    said = insight("sessions", "undo").err
    assert "restored: 2 sessions (api-0, api-2)" in said
    assert "left as they are, because they were saved or changed since: 1 session (api-1)" in said
    assert store.load_sessions() == [make_session(0), newer, make_session(2), make_session(7)]


def test_an_import_that_replaced_and_added_is_taken_back(
    insight: Insight, store: JSONStorage, make_session: MakeSession
) -> None:
    before = store.load_sessions()
    other = JSONStorage("other.json")
    other.save_sessions([make_session(1, sut_name="new"), make_session(5), make_session(6)])
    insight("import", "other.json", "--merge", "replace_existing")
    insight("sessions", "pin", "api-6")  # changed since
    assert "not a terminal: pass --yes to confirm" in insight("sessions", "undo", status=2).err
    assert store.count() == 5
    said = insight("sessions", "undo", "--yes").err
    assert "as before they were replaced: 1 session (api-1)" in said
    assert "deleted, because they had been added: 1 session (api-5)" in said
    assert "saved or changed since: 1 session (api-6)" in said
    pinned = replace(make_session(6), pinned=True)
    assert store.load_sessions() == [*before, pinned]
    # What was taken out is an export.
    found = re.search(r"can be imported again from: (\S+)", said)
    assert found is not None
    assert "2 sessions; 1 imported, 1 skipped" in insight("import", Path(found[1]).expanduser()).err
    assert store.get_session_by_id("api-5") == make_session(5)


def test_a_person_is_asked_before_something_goes(insight: Insight, store: JSONStorage) -> None:
    insight("export", "all.json")
    insight("import", "all.json", "--merge", "keep_both")
    for answer, left in ((b"n\n", 6), (b"y\n", 3)):
        main, terminal = pty.openpty()
        process = subprocess.Popen(
            [str(INSIGHT), "sessions", "undo"], stdin=terminal, stderr=subprocess.PIPE
        )
        os.write(main, answer)
        _, err = process.communicate(timeout=60)
        os.close(main)
        os.close(terminal)
        assert process.returncode == 0, err
        assert b"3 sessions that it added would be deleted." in err
        assert store.count() == left


def test_all_files_of_one_import_are_taken_back_together(
    insight: Insight, store: JSONStorage, make_session: MakeSession
) -> None:
    for number, sut in ((1, "first"), (1, "second"), (9, "third")):
        JSONStorage(f"{sut}.json").save_session(make_session(number, sut_name=sut))
    before = store.load_sessions()
    files = ("first.json", "second.json", "third.json")
    insight("import", *files, "--merge", "replace_existing")
    assert [each.sut_name for each in store.load_sessions()] == ["api", "second", "api", "third"]
    insight("sessions", "undo", "--yes")
    assert store.load_sessions() == before
    assert "nothing to undo" in insight("sessions", "undo").err


def test_a_repair_is_taken_back_while_nothing_was_saved_since(
    insight: Insight, store: JSONStorage, make_session: MakeSession
) -> None:
    data = store.file_path.read_bytes()
    damaged = data.replace(b'"session_id":"api-1",', b'"session_id":"api-1"#')
    store.file_path.write_bytes(damaged)
    assert "undo this with" in insight("sessions", "repair").err
    insight("sessions", "undo", "--yes")
    assert store.file_path.read_bytes() == damaged
    insight("sessions", "repair")
    store.save_session(make_session(8))
    repaired = store.file_path.read_bytes()
    said = insight("sessions", "undo", "--yes").err
    assert "saved or changed since: 1 session (api-8)" in said
    assert store.file_path.read_bytes() == repaired


def test_a_repair_that_loses_nothing_needs_no_taking_back(
    insight: Insight, store: JSONStorage, make_session: MakeSession
) -> None:
    store.save_session(make_session(1))  # once more
    assert "undo this" not in insight("sessions", "repair").err
    assert "nothing to undo" in insight("sessions", "undo").err


def test_a_profile_deleted_with_its_sessions_comes_back_with_its_settings(
    insight: Insight, make_session: MakeSession
) -> None:
    insight("profile", "create", "demo", "--path", "demo.json", "--merge", "keep_both")
    profile = list_profiles()["demo"]
    JSONStorage("demo.json").save_session(make_session())
    said = insight("profile", "delete", "demo", "--data", "--yes").err
    assert "undo this with: insight --profile demo sessions undo" in said
    assert "nothing to undo" in insight("sessions", "undo").err
    assert "unknown profile 'demo'" in insight("sessions", "list", "--profile=demo", status=1).err
    assert "the profile 'demo' exists again" in insight("sessions", "undo", "--profile=demo").err
    assert list_profiles()["demo"] == profile
    assert JSONStorage("demo.json").load_sessions() == [make_session()]


def test_undoing_a_merge_of_profiles(
    insight: Insight, store: JSONStorage, make_session: MakeSession
) -> None:
    insight("profile", "create", "demo")
    demo = JSONStorage(list_profiles()["demo"].path)
    demo.save_sessions([make_session(1, sut_name="mine"), make_session(4)])
    before = demo.load_sessions()
    said = insight("profile", "merge", "default", "demo", "--merge", "replace_existing").err
    assert "2 imported, 1 replaced" in said
    assert "insight --profile demo sessions undo" in said
    insight("--profile", "demo", "sessions", "undo", "--yes")
    assert demo.load_sessions() == before


def test_snapshots_are_private_exports_and_only_so_many(
    insight: Insight, store: JSONStorage, make_session: MakeSession
) -> None:
    for number in range(10, 17):
        store.save_session(make_session(number))
        insight("sessions", "clear", "--session", f"api-{number}", "--yes")
    folder = locations.undo_folder(store.location)
    names = [f"{number:06}.{kind}" for number in range(3, 8) for kind in ("deed", "json")]
    assert undo_files(store) == names
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert "1 imported" in insight("import", folder / "000003.json").err
    assert store.get_session_by_id("api-12") == make_session(12)


@pytest.mark.parametrize(("most", "left"), [("0", []), ("1", ["000002.deed", "000002.json"])])
def test_a_variable_says_how_many_are_kept(
    insight: Insight, store: JSONStorage, most: str, left: list[str]
) -> None:
    locations.undo_folder(store.location).mkdir(parents=True)
    for number in (0, 1):
        said = insight(
            *["sessions", "clear", "--session", f"api-{number}", "--yes"],
            env={"PYTEST_INSIGHT_UNDO": most},
        ).err
        assert ("undo this" in said) is (most != "0")
    assert undo_files(store) == left
    bad = {"PYTEST_INSIGHT_UNDO": "many"}
    assert (
        "must be the number of commands"
        in insight("sessions", "clear", "--yes", status=1, env=bad).err
    )
    assert store.count() == 1


def test_where_no_snapshot_can_be_kept_nothing_is_done(
    insight: Insight, store: JSONStorage
) -> None:
    locations.undo_folder(store.location).parent.write_text("in the way")
    locations.undo_folder(store.location).write_text("in the way beside the store")
    printed = insight("sessions", "clear", "--yes", status=1)
    assert "so nothing was changed" in printed.err
    assert "PYTEST_INSIGHT_UNDO=0" in printed.err
    assert store.count() == 3
    insight("sessions", "clear", "--yes", env={"PYTEST_INSIGHT_UNDO": "0"})
    assert store.count() == 0


def test_an_import_that_changes_nothing_leaves_no_trace(
    insight: Insight, store: JSONStorage
) -> None:
    insight("export", "all.json")
    before = store.file_path.read_bytes(), store.file_path.stat().st_mtime_ns
    for strategy in ("skip_existing", "replace_existing"):
        said = insight("import", "all.json", "--merge", strategy).err
        assert "nothing changed: all 3 sessions are already in the store" in said
        assert "undo this" not in said
    assert (store.file_path.read_bytes(), store.file_path.stat().st_mtime_ns) == before
    assert not locations.undo_folder(store.location).exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"{", "is not a valid undo record"), (b'{"version":2}', "newer pytest-insight")],
)
def test_a_record_that_cannot_be_read_is_an_error_that_changes_nothing(
    insight: Insight, store: JSONStorage, content: bytes, said: str
) -> None:
    insight("sessions", "clear", "--session", "api-1", "--yes")
    record = locations.undo_folder(store.location) / "000001.deed"
    record.write_bytes(content)
    assert said in insight("sessions", "undo", status=1).err
    assert store.count() == 2
    # The next command works all the same.
    insight("sessions", "clear", "--session", "api-0", "--yes")
    assert store.count() == 1


def test_sessions_that_are_gone_are_an_error_that_changes_nothing(
    insight: Insight, store: JSONStorage
) -> None:
    insight("export", "all.json")
    insight("import", "all.json", "--merge", "keep_both")
    (locations.undo_folder(store.location) / "000001.json").unlink()
    assert "cannot be undone" in insight("sessions", "undo", "--yes", status=1).err
    assert store.count() == 6


def test_looking_for_what_can_be_taken_back_creates_nothing(insight: Insight) -> None:
    assert "nothing to undo" in insight("sessions", "undo").err
    assert not Path(locations.home()).exists()


def test_every_path_of_a_store_leads_to_its_snapshots(insight: Insight, store: JSONStorage) -> None:
    Path("link.json").symlink_to(store.file_path)
    insight("profile", "create", "link", "--path", "link.json")
    insight("--profile", "link", "sessions", "clear", "--yes")
    insight("sessions", "undo")
    assert store.count() == 3


def test_the_listing_of_a_dry_run_is_json_where_that_is_asked_for(
    insight: Insight, store: JSONStorage, make_session: MakeSession
) -> None:
    other = JSONStorage("other.json")
    other.save_sessions([make_session(0), make_session(1, sut_name="x"), make_session(9)])
    expected = {
        "skip_existing": ["identical", "skipped", "added"],
        "replace_existing": ["identical", "replaced", "added"],
        "keep_both": ["renamed", "renamed", "added"],
    }
    for strategy, became in expected.items():
        printed = insight(
            "import", "other.json", "--dry-run", "--report", "json", "--merge", strategy
        )
        rows = json.loads(printed.out)
        assert [row["became"] for row in rows] == became
        assert [row["session_id"] for row in rows] == ["api-0", "api-1", "api-9"]
    assert [row["new_id"] for row in rows] == ["api-0-2", "api-1-2", None]
    table = insight("import", "other.json", "--dry-run").out.splitlines()
    rows = [["api-0", "identical"], ["api-1", "skipped"], ["api-9", "added"]]
    assert [line.split() for line in table[1:]] == rows[1:]
    table = insight("import", "other.json", "--dry-run", "--report", "table").out.splitlines()
    assert [line.split() for line in table[1:]] == rows
    assert store.count() == 3
    assert (
        json.loads(insight("import", "other.json", "--report", "json").out)[2]["became"] == "added"
    )


def test_a_dry_run_of_several_files_knows_what_the_earlier_ones_would_add(
    insight: Insight, make_session: MakeSession
) -> None:
    JSONStorage("a.json").save_sessions([make_session(0), make_session(1)])
    JSONStorage("b.json").save_sessions([make_session(0), make_session(1, sut_name="other")])
    dry = insight("import", "a.json", "b.json", "--dry-run", "--report", "json").out
    assert not JSONStorage().file_path.exists()
    done = insight("import", "a.json", "b.json", "--report", "json").out
    assert json.loads(dry) == json.loads(done)
    assert [row["became"] for row in json.loads(dry)] == ["added", "added", "identical", "skipped"]
