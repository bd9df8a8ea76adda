"""Screens as text files: what commands print of one history at one time, on terminals.

`python -m tests.cli.screens` writes them anew (a part of `make reference`): look at what changed.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pytest_insight.models import CodeState, RecordedWarning, TestResult, TestSession
from pytest_insight.summaries import BAD
from tests import tools

FOLDER = Path(__file__).parent
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
INSIGHT = Path(sys.executable).with_name("insight")

COMMANDS = {
    "overview": (),
    "failures": ("failures",),
    "failures-verbose": ("failures", "--verbose"),
    "flaky": ("flaky",),
    "flaky-verbose": ("flaky", "--verbose"),
    "slow": ("slow",),
    "verdicts": ("verdicts",),
    "compare": ("compare",),
    "compare-verbose": ("compare", "--verbose"),
    "compare-by-cause": ("compare", "--by-cause"),
    "history": ("history", "test_total"),
    "sessions-list": ("sessions", "list", "--limit", "10"),
    "sessions-list-wide": ("sessions", "list", "--wide", "--limit", "3"),
    "sessions-show": ("sessions", "show"),
    "sessions-show-verbose": ("sessions", "show", "--verbose"),
    "query-tests": ("query", "tests", "--outcome", "failed"),
    "query-tests-group": ("query", "tests", "--group"),
    "query-tests-skipped": ("query", "tests", "--outcome", "skipped", "--limit", "3"),
}
VARIANTS = {
    "80": (80, {"NO_COLOR": "1"}),
    "120": (120, {"NO_COLOR": "1"}),
    "colour": (80, {}),
}
"""The width of the terminal, and variables."""

_TEXT = """    def test_coupon(code, expected):
>       assert redeem(code) == expected
E       TypeError: 'float' object is not subscriptable

src/shop/coupons.py:32: TypeError"""


_LONG_TEXT = "\n".join(
    [
        "@pytest.fixture",
        "    def database(settings):",
        *(f"        step_{number}(settings)" for number in range(20)),
        ">       return connect(settings.host, settings.port)",
        "",
        "tests/conftest.py:9: ",
        "_ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ ",
        "E       RuntimeError: no database at localhost:5432 with the user shop and the password "
        "from the environment, after three tries in two seconds",
        "E       is it running?",
        "",
        "tests/conftest.py:9: RuntimeError",
    ]
)
_DIGEST = "94f7b66d" * 8
_SYSTEM = {"platform": "Linux-6.8.0-x86_64", "python": "3.12.3"}
_FACTS: dict[str, Any] = {
    "testing_system": {
        "host": "runner-7",
        **_SYSTEM,
        "pytest": "9.0.1",
        "plugins": {"pytest-insight": "1.0.0", "pytest-randomly": "3.16.0", "pytest-cov": "6.0.0"},
        "random_seeds": {"pytest-randomly": 4711},
        "ci": {
            "provider": "github",
            "run_id": "123456",
            "job": "test",
            "attempt": "1",
            "url": "https://github.com/example/shop/actions/runs/123456",
        },
    },
    "arguments": ["-q", "-m", "not slow", "tests"],
    "collected": 10,
    "deselected": 2,
    "warnings": [
        RecordedWarning(
            "DeprecationWarning",
            "redeem() is deprecated and goes away in 3.0: use Coupon.redeem() of the cart",
            *("src/shop/coupons.py:12", 3),
        ),
        RecordedWarning("UserWarning", "no mail server", "tests/test_mail.py:4"),
    ],
}


def history() -> Iterator[TestSession]:
    """Yield twelve runs of one project on two branches."""
    for number in range(12):
        start = NOW - timedelta(days=2 * (12 - number), hours=3)
        branch = "feature/coupons" if number > 8 else "main"
        results = tuple(_results(number, start))
        yield TestSession(
            session_id=f"shop-{start:%Y%m%d-%H%M%S}-{number:08x}",
            sut_name="shop",
            session_start_time=start,
            session_duration=0.5 + number / 10,
            session_tags={"ci": "nightly"} if number % 3 == 0 else {},
            code_state=CodeState(f"{number:x}a0fd347" * 5, branch, _DIGEST if number > 8 else None),
            exit_status=int(any(result.outcome in BAD for result in results)),
            **(_FACTS if number == 11 else {"testing_system": _SYSTEM}),
            test_results=results,
        )


def _results(number: int, start: datetime) -> Iterator[TestResult]:
    total = "tests/test_checkout.py::TestCheckout::test_total"
    yield TestResult(f"{total}[ann-empty]", "passed", start, 0.02 + number / 100)
    broken: dict[str, Any] = {"message": "assert 4.59 == 4.6", "crash": "tests/test_checkout.py:16"}
    if 3 <= number <= 5:
        yield TestResult(f"{total}[ann-mixed]", "failed", start, 0.001, **broken)
    else:
        yield TestResult(f"{total}[ann-mixed]", "passed", start, 0.001)
    if number == 8:
        yield TestResult(f"{total}[bob]", "rerun", start, 0.001, message="ConnectionError: broker")
    yield TestResult(f"{total}[bob]", "passed", start, 0.001)
    yield TestResult("tests/test_mail.py::test_smtp", "skipped", start, message="no network")
    seconds = (0.31 if number > 7 else 0.052) + number % 3 / 500
    yield TestResult("tests/test_search.py::test_search[mug]", "passed", start, seconds)
    login = "tests/test_api.py::test_login"
    if number > 8:
        refused: dict[str, Any] = {"message": "assert 401 == 200", "crash": "tests/test_api.py:9"}
        yield TestResult(login, "failed", start, 0.01, **refused)
    else:
        yield TestResult(login, "passed", start, 0.01)
    for code in ("HALF", "TEN", "HALF-50.0", "A-" * 40) if number == 11 else ():
        yield TestResult(
            f"tests/test_checkout.py::TestCheckout::test_coupon[{code}]",
            *("failed", start, 0.02),
            message="TypeError: 'float' object is not subscriptable",
            crash="src/shop/coupons.py:32",
            longreprtext=_TEXT,
            capstdout="redeemed\n",
        )
    if number == 11:
        yield TestResult(
            "tests/test_stock.py::test_stock",
            *("error", start, 0.3),
            phase="setup",
            message="RuntimeError: no database at localhost:5432\nis it running?",
            crash="tests/conftest.py:9",
            longreprtext=_LONG_TEXT,
        )


def branch_history() -> Iterator[TestSession]:
    """Yield five runs on main and one on a branch, in which tests changed in every way."""
    for number in range(6):
        start = NOW - timedelta(days=6 - number, hours=2)
        is_branch = number == 5
        yield TestSession(
            session_id=f"shop-{start:%Y%m%d-%H%M%S}-{number:08x}",
            sut_name="shop",
            session_start_time=start,
            session_duration=2.0,
            code_state=CodeState(
                f"{(number + 1) // 2:x}c0d61a4" * 5, "feature/coupons" if is_branch else "main"
            ),
            testing_system={"python": "3.12.3" if is_branch else "3.11.9"},
            test_results=tuple(
                TestResult(nodeid, outcome, start, seconds, message=message, crash=crash)
                for nodeid, (outcome, seconds, message, crash) in _runs(number).items()
            ),
        )


_Told = tuple[str, float, str, str]


def _runs(number: int) -> dict[str, _Told]:
    """Return outcome, duration, message and place of each test in a run; 5 is the branch's."""
    now = number == 5
    passed: _Told = ("passed", 0.01, "", "")

    def failed(message: str, crash: str) -> _Told:
        return "failed", 0.01, message, crash

    total = "tests/test_checkout.py::TestCheckout::test_total"
    price = failed("AssertionError: assert 4.59 == 4.6", "tests/test_checkout.py:16")
    redis = failed("TimeoutError: redis", "src/shop/stock.py:40")
    mail = failed("smtplib.SMTPServerDisconnected: Connection closed", "src/shop/mail.py:7")
    label = failed("OSError: no printer", "src/shop/labels.py:3")
    refused = failed("assert 401 == 200", "tests/test_api.py:9")
    found = {f"tests/test_search.py::test_search[{name}]": passed for name in ("mug", "lamp")}
    found |= {f"{total}[{name}]": price if now else passed for name in ("ann-mixed", "bob-mixed")}
    found["tests/test_cart.py::test_add"] = (
        failed("KeyError: 'currency'", "src/shop/cart.py:21") if now else redis
    )
    found["tests/test_mail.py::test_sent"] = mail if number in (2, 5) else passed
    found["tests/test_labels.py::test_print"] = label
    found["tests/test_api.py::test_stock"] = passed if now else refused
    xfail: _Told = ("xfailed", 0.01, "refunds are not written yet", "")
    found["tests/test_orders.py::test_refund"] = ("xpassed", 0.01, "", "") if now else xfail
    login = "log_in" if now else "login"
    found |= {f"tests/test_api.py::test_{login}[{name}]": passed for name in ("ann", "bob")}
    if now:
        coupon = failed("TypeError: 'float' object is not subscriptable", "src/shop/coupons.py:32")
        found["tests/test_coupons.py::test_coupon[HALF]"] = coupon
        found |= {f"tests/test_coupons.py::test_{name}": passed for name in ("unknown", "old")}
    else:
        found["tests/test_orders.py::test_fax"] = passed
    return found


def sessions_of(name: str) -> Iterator[TestSession]:
    """Return the history of which a command is asked."""
    return branch_history() if name.startswith("compare") else history()


def screen(name: str, variant: str, home: Path) -> str:
    """Return what a command prints.

    Args:
        name: of the command.
        variant: of the terminal.
        home: a folder with its history (`sessions_of`) in its `.pytest_insight/sessions.json`.
    """
    columns, variables = VARIANTS[variant]
    folder = home / "shop"
    folder.mkdir(exist_ok=True)
    path = os.environ["PATH"]
    environment = {"TERM": "xterm-256color", "TZ": "UTC", "LANG": "C.UTF-8", "PATH": path}
    clock = [tools.tool("faketime"), f"{NOW:%Y-%m-%d %H:%M:%S}"]
    shown = tools.on_terminal(
        [*clock, INSIGHT, *COMMANDS[name]],
        environment | variables | {"HOME": str(home)},
        columns=columns,
        folder=folder,
    )
    text = re.sub(r"(?<=\x1b]8;id=)\d+", "0", shown.text)  # of links: random
    return text.replace(str(home), "~")
