"""Where the benchmarks of databases keep their stores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from tests.benchmarks.history import BENCH, Shape
from tests.postgresql import server


@contextmanager
def new_place(kind: str, shape: Shape) -> Iterator[str]:
    """A new store's path or URL."""
    BENCH.mkdir(exist_ok=True)
    with server(fsync="on") if kind == "postgresql" else nullcontext() as running:
        if running is not None:
            yield running.database()
            return
        suffix = "json" if kind == "json" else "db"
        path = BENCH / f"bench-{shape.sessions}x{shape.results}.{suffix}"
        for old in BENCH.glob(f"{path.name}*"):
            old.unlink()
        yield str(path)
