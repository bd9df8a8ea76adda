"""The shape of the code: imports point one way, pieces stay small, and what is not used is not
imported.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

import pytest_insight

ROOT = Path(pytest_insight.__file__).parent
PACKAGE = ROOT.name

# Who may import whom: what stands further down may import what stands above it, and its own kind.
LAYERS = (
    ("limits",),
    ("errors", "_util", "locations"),
    ("models",),
    ("document", "filters", "summaries"),
    ("exchange",),
    ("profiles",),
    ("storage",),
    ("query",),
    ("recording",),
    ("cli", "testing", "__main__"),
)
HEIGHT = {part: height for height, parts in enumerate(LAYERS) for part in parts}
# The package itself finds its names on first use, and the plugin what records.
LAZY = {"__init__", "plugin"}

MOST_LINES = 400
MOST_LINES_OF_A_FUNCTION = 50


class Import(NamedTuple):
    module: str
    """The module in which it stands, from the package on, as all names here."""
    imported: str
    line: int
    when_loaded: bool
    """Whether it is done when the module is loaded, and not when a function is called."""


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
        found[name] = path
    return found


MODULES = modules()


def is_for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def statements(node: ast.AST, in_function: bool = False) -> Iterator[tuple[ast.AST, bool]]:
    """Every node that is run, and whether a function has to be called for it."""
    for child in ast.iter_child_nodes(node):
        inside = in_function or isinstance(
            child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
        )
        if is_for_types_only(child):
            assert isinstance(child, ast.If)
            for other in child.orelse:
                yield from statements(other, in_function)
            continue
        yield child, in_function
        yield from statements(child, inside)


def names_imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute here"
        assert node.module is not None
        base = node.module
        # A name that is a module is that module: `from pytest_insight import locations`.
        return [
            full if full.removeprefix(f"{PACKAGE}.") in MODULES else base
            for full in (f"{base}.{alias.name}" for alias in node.names)
        ]
    return []


def imports_of(module: str) -> list[Import]:
    tree = ast.parse(MODULES[module].read_text("utf-8"))
    return [
        Import(module, name, getattr(node, "lineno", 0), not in_function)
        for node, in_function in statements(tree)
        for name in names_imported(node)
    ]


def ours(name: str) -> str | None:
    """The name from the package on; None where it is not of the package."""
    return name.removeprefix(f"{PACKAGE}.") if name.startswith(f"{PACKAGE}.") else None


def part_of(module: str) -> str:
    return module.partition(".")[0]


every_module = pytest.mark.parametrize("module", MODULES)


# Imports ----------------------------------------------------------------------------------------


def test_every_part_has_its_place() -> None:
    assert {part_of(module) for module in MODULES} == {*HEIGHT, *LAZY}


@every_module
def test_no_import_points_back(module: str) -> None:
    if module in LAZY:
        return
    for found in imports_of(module):
        assert found.imported != PACKAGE, f"line {found.line} imports the package itself"
        imported = ours(found.imported)
        if imported is not None:
            part, other = part_of(module), part_of(imported)
            assert other not in LAZY, f"line {found.line}"
            assert part == other or HEIGHT[other] <= HEIGHT[part], (
                f"{module}, line {found.line}, imports {imported}, which is above it"
            )


@pytest.mark.parametrize("part", ["recording", "testing"])
def test_only_the_command_line_knows_the_command_line(part: str) -> None:
    for module in MODULES:
        if part_of(module) == part:
            imported = {ours(each.imported) for each in imports_of(module)}
            assert not {each for each in imported if each and part_of(each) == "cli"}, module


def test_no_module_needs_itself_to_be_loaded() -> None:
    graph = {
        module: {
            imported
            for each in imports_of(module)
            if each.when_loaded and (imported := ours(each.imported)) and imported != module
        }
        for module in MODULES
    }
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as exc:
        pytest.fail(f"modules import each other in a circle: {' <- '.join(exc.args[1])}")
    assert set(order) >= set(MODULES)


def test_the_plugin_loads_only_pytest_and_the_standard_library() -> None:
    loaded = {each.imported.partition(".")[0] for each in imports_of("plugin") if each.when_loaded}
    assert loaded - sys.stdlib_module_names == {"pytest"}


@pytest.mark.parametrize(
    ("module", "where"),
    [
        ("pydantic", ("exchange.validation",)),
        ("typer", ("cli",)),
        ("rich", ()),
        ("filelock", ()),
        ("platformdirs", ()),
    ],
)
def test_what_is_slow_to_import_is_imported_where_it_is_needed(
    module: str, where: tuple[str, ...]
) -> None:
    for name in MODULES:
        loaded = {each.imported.partition(".")[0] for each in imports_of(name) if each.when_loaded}
        assert module not in loaded or name.startswith(where), f"{name} imports {module}"


@pytest.mark.parametrize("module", ["pydantic", "typer", "rich"])
def test_the_edges_keep_to_the_edge(module: str) -> None:
    edges = {"pydantic": "exchange", "typer": "cli", "rich": "cli"}
    for name in MODULES:
        if any(each.imported.partition(".")[0] == module for each in imports_of(name)):
            assert part_of(name) == edges[module], f"{name} imports {module}"


# Size and manners -------------------------------------------------------------------------------


@every_module
def test_no_module_is_long(module: str) -> None:
    assert len(MODULES[module].read_text("utf-8").splitlines()) <= MOST_LINES


@every_module
def test_no_function_is_long(module: str) -> None:
    for node in ast.walk(ast.parse(MODULES[module].read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            length = node.end_lineno - node.lineno + 1
            assert length <= MOST_LINES_OF_A_FUNCTION, f"{node.name} has {length} lines"


@every_module
def test_only_the_command_line_writes_to_the_terminal(module: str) -> None:
    if part_of(module) == "cli":
        return
    for node in ast.walk(ast.parse(MODULES[module].read_text("utf-8"))):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in {"print", "sys.stdout.write", "sys.stderr.write"}, (
                f"line {node.lineno} calls {called}"
            )


# What is loaded ---------------------------------------------------------------------------------

EXPENSIVE = {"msgspec", "pydantic", "typer", "rich", "filelock", "platformdirs"}


def loaded_by(*arguments: str, cwd: Path | None = None) -> set[str]:
    """The modules of a process that prints them to a file at its end."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    _, _, names = done.stdout.rpartition("LOADED ")
    return set(names.split())


SHOW = "import sys; print('LOADED', *sys.modules)"


def our_modules(loaded: set[str]) -> set[str]:
    return {name for name in loaded if name.partition(".")[0] == PACKAGE}


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A folder with one test, and a conftest that prints at the end what was loaded."""
    folder = tmp_path / "suite"
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider\n")
    (folder / "test_one.py").write_text("def test_one(): pass\n")
    (folder / "conftest.py").write_text(
        f"def pytest_unconfigure(config):\n    {SHOW.replace(';', chr(10) + '   ')}\n"
    )
    return folder


def test_importing_the_package_loads_nothing_else() -> None:
    loaded = loaded_by("-c", f"import {PACKAGE}; {SHOW}")
    assert our_modules(loaded) == {PACKAGE}
    assert not loaded & EXPENSIVE


def test_importing_the_plugin_loads_pytest_and_nothing_of_ours() -> None:
    loaded = loaded_by("-c", f"import {PACKAGE}.plugin; {SHOW}")
    assert our_modules(loaded) == {PACKAGE, f"{PACKAGE}.plugin"}
    assert not loaded & EXPENSIVE


def test_a_run_that_is_not_recorded_loads_nothing_of_ours(suite: Path) -> None:
    with_us = loaded_by("-m", "pytest", cwd=suite)
    without_us = loaded_by("-m", "pytest", "-p", "no:insight", cwd=suite)
    assert with_us - without_us == {PACKAGE, f"{PACKAGE}.plugin"}
    # platformdirs may be there all the same: it brings a plugin for pytest of its own.
    assert not with_us & (EXPENSIVE - {"platformdirs"})


def test_recording_a_run_loads_neither_the_records_nor_the_command_line_nor_the_edge(
    suite: Path,
) -> None:
    for _ in ("no store yet", "a store of ours"):
        loaded = loaded_by("-m", "pytest", "--insight", cwd=suite)
        assert f"{PACKAGE}.recording.recorder" in loaded
        # platformdirs says where journals are, filelock locks them.
        assert not loaded & (EXPENSIVE - {"platformdirs", "filelock"})
        assert not {name for name in our_modules(loaded) if name.startswith(f"{PACKAGE}.cli")}


def test_reading_a_store_of_ours_loads_neither_the_edge_nor_what_writers_need(
    tmp_path: Path,
) -> None:
    script = (
        "import sys\n"
        "from pytest_insight import query\n"
        "from pytest_insight.storage import JSONStorage\n"
        "storage = JSONStorage(sys.argv[1])\n"
        "assert not query.on_storage(storage).for_sut('api').latest(2).execute()\n"
        f"{SHOW}"
    )
    assert not loaded_by("-c", script, str(tmp_path / "s.json")) & {*EXPENSIVE, "json"} - {
        "msgspec"
    }


def test_the_package_knows_its_version() -> None:
    from importlib.metadata import version

    assert pytest_insight.__version__ == version("pytest-insight")
