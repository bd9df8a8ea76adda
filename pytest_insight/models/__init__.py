"""The records: one pytest run is a `TestSession`, one reported test in it a `TestResult`.

They are frozen `msgspec` structs, because a query spends its time on decoding them: 1,000,000
results decode in about 0.4 s, a tenth of what the models of validating libraries take. A third of
the gain is due to `gc=False` on results (they cannot be part of a cycle).

The constructor of a session checks the session's own fields; the fields of results are checked when
they are saved (`document.codec.checked`). `exchange` reads input from outside and reports every
problem.
"""

from pytest_insight.models.results import Phase, RerunTestGroup, TestOutcome, TestResult
from pytest_insight.models.sessions import CodeState, RecordedWarning, Source, TestSession

__all__ = [
    "CodeState",
    "Phase",
    "RecordedWarning",
    "RerunTestGroup",
    "Source",
    "TestOutcome",
    "TestResult",
    "TestSession",
]


def __dir__() -> list[str]:
    return __all__
