"""A generated history that looks like a real one, cached in `.bench/`.

The same seed gives the same sessions, but their times end now: a history that was made some hours
ago, or by other code, is made anew.
"""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from pytest_insight import models
from pytest_insight.document import codec
from pytest_insight.document.codec import encode_session
from pytest_insight.document.layout import document_chunks
from pytest_insight.models import CodeState, TestOutcome, TestResult, TestSession

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / ".bench"
SEED = 20_261_101
STALE_SECONDS = 3 * 3_600


class Shape(NamedTuple):
    """How large a history is."""

    sessions: int
    results: int
    days: int = 90

    def __str__(self) -> str:
        return f"{self.sessions:,} sessions x {self.results:,} results"


LARGE = Shape(1_000, 1_000)


def history(shape: Shape) -> Path:
    """Return the file of a history of this shape, generated if there is no fresh one."""
    path = BENCH / f"history-{shape.sessions}x{shape.results}.json"
    made = path.with_suffix(".made")
    code = _fingerprint()
    try:
        known = json.loads(made.read_text())
        if path.exists() and known["code"] == code and time.time() - known["at"] < STALE_SECONDS:
            return path
    except (OSError, ValueError, KeyError):
        pass
    BENCH.mkdir(exist_ok=True)
    made.unlink(missing_ok=True)
    unfinished = path.with_suffix(".new")
    with unfinished.open("wb") as file:
        for chunk in document_chunks(encode_session(s) for s in sessions(shape)):
            file.write(chunk)
    unfinished.replace(path)
    made.write_text(json.dumps({"code": code, "at": time.time()}))
    return path


def sessions(shape: Shape) -> Iterator[TestSession]:
    """The sessions of a history, the oldest first, the last one just over."""
    rng = random.Random(SEED)
    now = datetime.now(UTC)
    nodeids = [_nodeid(rng) for _ in range(shape.results)]
    step = timedelta(days=shape.days) / shape.sessions
    for number in range(shape.sessions):
        start = now - step * (shape.sessions - number) + step * rng.random() * 0.5
        yield session(rng, nodeids, start)


def a_nodeid() -> str:
    """A test that every session of every history has."""
    return _nodeid(random.Random(SEED))


def one_session(results: int) -> TestSession:
    """A session that just began."""
    rng = random.Random(SEED + 1)
    return session(rng, [_nodeid(rng) for _ in range(results)], datetime.now(UTC))


def session(rng: random.Random, nodeids: list[str], start: datetime) -> TestSession:
    """One run of all the tests: 2 % fail, 3 % are skipped, 1 % print something."""
    at = start + timedelta(seconds=0.4)
    results = []
    for nodeid in nodeids:
        result = _result(rng, nodeid, at)
        results.append(result)
        at = result.stop_time
    sut = rng.choice(("api", "api", "worker", "web"))
    return TestSession(
        session_id=f"{sut}-{start:%Y%m%d-%H%M%S}-{rng.getrandbits(32):08x}",
        sut_name=sut,
        session_start_time=start,
        session_stop_time=at,
        session_tags={"ci": "nightly" if start.hour < 4 else "push"},
        testing_system={
            "host": f"runner-{rng.randrange(40):02}",
            "platform": "Linux-6.8.0-x86_64-with-glibc2.39",
            "python": "3.12.7",
            "pytest": "9.2.0",
            "plugins": {"xdist": "3.8.0", "cov": "6.0.0", "asyncio": "1.2.0"},
        },
        code_state=CodeState(commit=f"{rng.getrandbits(160):040x}", branch="main"),
        exit_status=1,
        test_results=tuple(results),
    )


def _result(rng: random.Random, nodeid: str, start: datetime) -> TestResult:
    lot = rng.random()
    duration = round(rng.expovariate(50), 6)
    if lot < 0.02:
        name = nodeid.rpartition("::")[2]
        return TestResult(
            nodeid,
            TestOutcome.FAILED,
            start,
            duration,
            longreprtext=_TRACEBACK.format(name=name, value=rng.randrange(999)),
            capstdout=f"connecting to 10.0.0.{rng.randrange(255)}\nretrying once\n",
        )
    if lot < 0.05:
        reason = "Skipped: needs a database"
        return TestResult(nodeid, TestOutcome.SKIPPED, start, duration, longreprtext=reason)
    if lot < 0.06:
        out = f"cache is warm, {rng.randrange(9999)} entries\n"
        return TestResult(nodeid, TestOutcome.PASSED, start, duration, capstdout=out)
    return TestResult(nodeid, TestOutcome.PASSED, start, duration)


def _nodeid(rng: random.Random) -> str:
    area, module = rng.choice(_AREAS), rng.choice(_WORDS)
    subject, case = rng.choice(_WORDS), rng.choice(_WORDS)
    parameters = f"[{rng.choice(_WORDS)}-{rng.randrange(20)}]" if rng.random() < 0.4 else ""
    return (
        f"tests/{area}/test_{module}.py::Test{subject.title()}::"
        f"test_{case}_{rng.randrange(10_000)}{parameters}"
    )


def _fingerprint() -> str:
    files = (__file__, codec.__file__, models.__file__)
    return hashlib.sha256(b"".join(Path(file).read_bytes() for file in files)).hexdigest()


_AREAS = ("unit", "unit/storage", "integration", "integration/http", "acceptance")
_WORDS = [
    "account",
    "accounting",
    "address",
    "balance",
    "basket",
    "catalogue",
    "checkout",
    "currency",
    "customer",
    "delivery",
    "discount",
    "export",
    "invoice",
    "ledger",
    "login",
    "message",
    "order",
    "payment",
    "permission",
    "price",
    "product",
    "refund",
    "report",
    "search",
    "session",
    "shipping",
    "subscription",
    "supplier",
    "tax",
    "transfer",
    "voucher",
    "warehouse",
]
_TRACEBACK = """\
self = <tests.integration.test_orders.TestOrders object at 0x7f3c5a1d2e50>

    def {name}(self, client, basket):
        basket.add("sku-{value}", quantity=2)
        response = client.post("/orders", json=basket.as_json())
>       assert response.status_code == 201
E       AssertionError: assert 500 == 201
E        +  where 500 = <Response [500 Internal Server Error]>.status_code
E         Full diff:
E         - 201
E         + 500

tests/integration/test_orders.py:{value}: AssertionError
"""
