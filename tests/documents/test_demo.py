"""The sample project's history is the one that the tour and the documents talk about."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from pytest_insight.storage import JSONStorage
from tests.demo.history import HERE, STORE

TOUR = (HERE / "tour.sh").read_text("utf-8")


def test_the_repository_has_four_commits_and_a_branch(demo_history: Path) -> None:
    def commits(branch: str) -> int:
        command = ["git", "rev-list", "--count", branch]
        ran = subprocess.run(command, cwd=demo_history / "shop", capture_output=True, check=True)
        return int(ran.stdout)

    assert commits("main") == 4
    assert commits("feature/coupons") == 5


def test_the_runs_show_regressions_a_flaky_test_a_slower_one_and_a_broken_branch(
    demo_history: Path,
) -> None:
    sessions = JSONStorage(demo_history / STORE).load_sessions()
    assert [len(session.test_results) for session in sessions] == [30] * 14 + [33]

    def history(name: str, outcome: str) -> str:
        return "".join(
            "x" if result.outcome == outcome else "."
            for session in sessions
            for result in session.test_results
            if result.nodeid.endswith(name)
        )

    assert history("test_total[pair]", "failed") == ".....xxxxxx...."
    assert history("test_parcels_arrive_in_order", "failed") == "..........x.x.."
    assert history("test_shown[5-5.00 EUR]", "failed") == "...........xxx."
    assert history("test_shown[1234.5-1,234.50 EUR]", "failed") == "...........xxxx"
    assert history("TestOrder::test_pay", "failed") == "..............x"
    assert history("test_coupon[HALF-10]", "failed") == "x"
    slow = [
        result.duration
        for session in sessions
        for result in session.test_results
        if result.nodeid.endswith("test_search[red lamp]")
    ]
    assert min(slow[9:]) > 5 * sorted(slow[:9])[4]


def test_every_command_of_the_tour_works(shop: Path) -> None:
    commands = re.findall(r'^run "(.*)"$', TOUR, re.MULTILINE)
    assert len(commands) > 15
    script = "\n".join(commands).replace(r"\$", "$")
    ran = subprocess.run(
        ["sh", "-e", "-c", script], cwd=shop, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran
    assert "error:" not in ran.stderr
    assert "exit status 3" in ran.stdout
