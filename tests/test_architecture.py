"""The structure of the code: imports point one way, no module is long, and what is not used is not
imported. Each test lists every offender.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

import pytest_insight

ROOT = Path(pytest_insight.__file__).parent
PACKAGE = ROOT.name

# A module may import modules of its own layer and of those above it in this list. A name stands for
# a module or for everything in a package. `analysis` has no input or output and is below `storage`:
# a backend may read the runs that it defines from its own tables. `analyze` and `compare` ask
# storages.
LAYERS = (
    ("limits", "passwords", "errors", "_util", "locations"),
    ("models",),
    ("document", "filters", "summaries", "frames"),
    ("analysis",),
    ("exchange",),
    ("profiles",),
    (
        "storage.backup",
        "storage.verification",
        "storage.retention",
        "storage.page",
        "storage.store_file",
        "storage.sqlite_files",
        "storage.exports",
        "storage.imports",
        "storage.reader",
    ),
    ("storage.base",),
    ("storage.memory", "storage.json", "storage.sql"),
    ("storage.registry", "storage.choice", "storage.functions", "storage"),
    ("storage.undo", "storage.transfer"),
    ("query", "analyze", "compare"),
    ("reports",),
    ("recording",),
    ("cli", "testing", "__main__"),
)
# These look up public names on first use, and the plugin imports the recorder if it is switched on.
LAZY = {"__init__", "plugin"}

MAX_LINES = 400
LONGER_ALLOWED = {
    "query.query": "its classes name each other, and `get_type_hints` must find all of them"
}
MAX_FUNCTION_LINES = 50
MAX_MODULES = 24
"""In one folder."""
NOUNS_IN_ING = {"recording", "testing"}
NAMES_BASE_IN_TYPES = {
    *("storage.exports", "storage.imports", "storage.retention", "storage.verification")
}
"""`storage.base` calls them, with itself as an argument."""


class Import(NamedTuple):
    """One imported module.

    Attributes:
        module: the importing module, without the name of the package.
        imported: the full name of the imported module.
        line: its line number.
        at_load: whether the import runs when the module is loaded, not when a function is called.
    """

    module: str
    imported: str
    line: int
    at_load: bool


def find_modules() -> dict[str, Path]:
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
        found[name] = path
    return found


MODULES = find_modules()


@cache
def tree_of(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text("utf-8"))


def is_type_checking_block(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def executed_nodes(node: ast.AST, in_function: bool = False) -> Iterator[tuple[ast.AST, bool]]:
    """Yield every node that is executed, and whether it is inside a function."""
    for child in ast.iter_child_nodes(node):
        inside = in_function or isinstance(
            child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
        )
        if is_type_checking_block(child):
            assert isinstance(child, ast.If)
            for other in child.orelse:
                yield from executed_nodes(other, in_function)
            continue
        yield child, in_function
        yield from executed_nodes(child, inside)


def imported_names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute in this package"
        assert node.module is not None
        base = node.module
        # `from pytest_insight import locations` imports a module.
        return [
            full if full.removeprefix(f"{PACKAGE}.") in MODULES else base
            for full in (f"{base}.{alias.name}" for alias in node.names)
        ]
    return []


@cache
def imports_of(module: str) -> tuple[Import, ...]:
    return tuple(
        Import(module, name, getattr(node, "lineno", 0), not in_function)
        for node, in_function in executed_nodes(tree_of(module))
        for name in imported_names(node)
    )


def without_package(name: str) -> str | None:
    """Return the module's name below the package; None for a module of another package."""
    return name.removeprefix(f"{PACKAGE}.") if name.startswith(f"{PACKAGE}.") else None


def all_imports() -> Iterator[tuple[Import, str]]:
    """Yield each import of a module of ours, and that module's name."""
    for module in MODULES:
        for found in imports_of(module):
            imported = without_package(found.imported)
            if imported is not None and imported != module:
                yield found, imported


def layer_of(module: str) -> int:
    for height, names in enumerate(LAYERS):
        for name in names:
            if module == name or module.startswith(f"{name}."):
                return height
    raise AssertionError(f"{module} is in no layer: add it to LAYERS")


def top_of(name: str) -> str:
    return name.partition(".")[0]


def circles(graph: dict[str, set[str]]) -> list[str]:
    """Return the groups of nodes that can reach each other, each as one line."""

    def reachable(start: str) -> set[str]:
        found: set[str] = set()
        todo = [start]
        while todo:
            new = graph.get(todo.pop(), set()) - found
            found |= new
            todo += new
        return found

    reach = {node: reachable(node) for node in graph}
    groups = {
        frozenset(other for other in reach[node] if node in reach.get(other, ()))
        for node in graph
        if node in reach[node]
    }
    return sorted(" <-> ".join(sorted(group)) for group in groups)


# Imports ----------------------------------------------------------------------------------------


def test_no_import_points_back() -> None:
    offenders = [
        f"{found.module}:{found.line} imports {imported}"
        for found, imported in all_imports()
        if found.module not in LAZY
        and (imported in LAZY or layer_of(imported) > layer_of(found.module))
    ]
    assert offenders == []


def test_no_import_for_types_alone_points_back() -> None:
    offenders = {
        f"{module} imports {imported}"
        for module in MODULES
        for block in ast.walk(tree_of(module))
        if is_type_checking_block(block) and module not in LAZY
        for node in ast.walk(block)
        for imported in filter(None, map(without_package, imported_names(node)))
        if layer_of(imported) > layer_of(module)
    }
    assert offenders == {f"{module} imports storage.base" for module in NAMES_BASE_IN_TYPES}


def test_only_lazy_modules_import_the_package_itself() -> None:
    offenders = [
        f"{found.module}:{found.line}"
        for module in MODULES
        for found in imports_of(module)
        if found.imported == PACKAGE and module not in LAZY | {"__main__"}
    ]
    assert offenders == []


def test_modules_do_not_import_each_other_in_a_circle() -> None:
    """Imports inside functions count too: they would only hide the circle."""
    graph: dict[str, set[str]] = {module: set() for module in MODULES}
    for found, imported in all_imports():
        if found.module not in LAZY:
            graph[found.module].add(imported)
    assert circles(graph) == []


def test_packages_do_not_import_each_other_in_a_circle() -> None:
    """In each package, its modules and sub-packages import one another in one direction."""
    graphs: dict[str, dict[str, set[str]]] = {}
    for found, imported in all_imports():
        here, there = found.module.split("."), imported.split(".")
        depth = 0
        while depth < min(len(here), len(there)) and here[depth] == there[depth]:
            depth += 1
        if depth == min(len(here), len(there)) or found.module in LAZY:
            continue  # a package and its own modules
        graph = graphs.setdefault(".".join(here[:depth]), {})
        graph.setdefault(here[depth], set()).add(there[depth])
    offenders = {package: circles(graph) for package, graph in graphs.items()}
    assert {package: found for package, found in offenders.items() if found} == {}


def test_the_plugin_loads_only_pytest_and_the_standard_library() -> None:
    loaded = {top_of(each.imported) for each in imports_of("plugin") if each.at_load}
    assert loaded - sys.stdlib_module_names == {"pytest"}


@pytest.mark.parametrize(
    ("library", "allowed"),
    [
        ("pydantic", ("exchange.",)),
        ("typer", ("cli.",)),
        ("rich", ()),
        ("filelock", ()),
        ("platformdirs", ()),
    ],
)
def test_slow_libraries_are_imported_inside_functions(
    library: str, allowed: tuple[str, ...]
) -> None:
    offenders = [
        module
        for module in MODULES
        if any(top_of(each.imported) == library and each.at_load for each in imports_of(module))
        and not module.startswith(allowed)
    ]
    assert offenders == []


@pytest.mark.parametrize(
    ("library", "package"), [("pydantic", "exchange"), ("typer", "cli"), ("rich", "cli")]
)
def test_a_library_is_used_in_one_package(library: str, package: str) -> None:
    offenders = [
        module
        for module in MODULES
        if any(top_of(each.imported) == library for each in imports_of(module))
        and top_of(module) != package
    ]
    assert offenders == []


def test_nothing_private_of_typer_or_rich_is_imported() -> None:
    offenders = [
        f"{module}:{each.line} imports {each.imported}"
        for module in MODULES
        for each in imports_of(module)
        if top_of(each.imported) in ("typer", "rich") and "._" in each.imported
    ]
    assert offenders == []


def test_circles_are_found() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set(), "e": {"a"}}
    assert circles(graph) == ["a <-> b <-> c"]


# Size and names ---------------------------------------------------------------------------------


def test_no_module_is_long() -> None:
    lengths = {name: len(path.read_text("utf-8").splitlines()) for name, path in MODULES.items()}
    assert {
        name: length
        for name, length in lengths.items()
        if length > MAX_LINES and name not in LONGER_ALLOWED
    } == {}


def test_no_folder_has_many_modules() -> None:
    counts = Counter(path.parent for path in MODULES.values())
    assert {str(folder): n for folder, n in counts.items() if n > MAX_MODULES} == {}


def test_the_limits_of_what_is_read_are_in_one_module() -> None:
    """Those of foreign files; `limits` states the threat."""
    offenders = [
        f"{module}:{node.lineno} {target.id}"
        for module in MODULES
        if top_of(module) in ("document", "exchange")
        for node in tree_of(module).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and re.match("_?(MAX|MOST|LONGEST|DEEPEST)_", target.id)
    ]
    assert offenders == []


def test_no_function_is_long() -> None:
    offenders = []
    for module, node in functions():
        assert node.end_lineno is not None
        length = node.end_lineno - node.lineno + 1
        if length > MAX_FUNCTION_LINES:
            offenders.append(f"{module}:{node.lineno} {node.name} has {length} lines")
    assert offenders == []


def test_modules_are_named_for_things_not_for_activities() -> None:
    names = {part for module in MODULES for part in module.split(".")}
    assert {name for name in names if name.strip("_").endswith("ing")} <= NOUNS_IN_ING


def test_only_the_command_line_writes_to_the_terminal() -> None:
    offenders = []
    for module in MODULES:
        if top_of(module) == "cli":
            continue
        for node in ast.walk(tree_of(module)):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                if called in {"print", "sys.stdout.write", "sys.stderr.write"}:
                    offenders.append(f"{module}:{node.lineno} calls {called}")
    assert offenders == []


def functions() -> Iterable[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for module in MODULES:
        for node in ast.walk(tree_of(module)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield module, node


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
    loaded = loaded_by("-c", script, str(tmp_path / "s.json"))
    by_msgspec = loaded_by("-c", f"import msgspec; {SHOW}")  # before 0.20, json as well
    assert "msgspec" in by_msgspec
    assert not (loaded - by_msgspec) & {*EXPENSIVE, "json"}


def test_the_package_knows_its_version() -> None:
    from importlib.metadata import version

    assert pytest_insight.__version__ == version("pytest-insight")
