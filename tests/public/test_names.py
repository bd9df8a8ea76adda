"""The public modules list their names, and Python's own tools can inspect every one of them."""

from __future__ import annotations

import inspect
import pydoc
import subprocess
import sys
import typing
from collections.abc import Callable, Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

import pytest_insight

MODULES = [
    import_module(name)
    for name in (
        "pytest_insight",
        "pytest_insight.analyze",
        "pytest_insight.compare",
        "pytest_insight.errors",
        "pytest_insight.filters",
        "pytest_insight.models",
        "pytest_insight.query",
        "pytest_insight.storage",
        "pytest_insight.testing",
    )
]


def public_names() -> Iterator[tuple[str, Any]]:
    for module in MODULES:
        for name in module.__all__:
            yield f"{module.__name__}.{name}", getattr(module, name)


def functions() -> Iterator[tuple[str, Any]]:
    """The public classes and functions, and the public methods that those classes define."""
    for name, value in public_names():
        if inspect.isclass(value):
            yield name, value
            for attribute, member in inspect.getmembers(value):
                if not attribute.startswith("_") and inspect.isroutine(member):
                    function = getattr(member, "__func__", member)
                    if str(getattr(function, "__module__", "")).startswith("pytest_insight"):
                        yield f"{name}.{attribute}", member
        elif inspect.isroutine(value):
            yield name, value


def properties() -> Iterator[tuple[str, Any]]:
    """The functions behind the public properties that the public classes define."""
    for name, value in public_names():
        if inspect.isclass(value):
            for attribute in dir(value):
                member = inspect.getattr_static(value, attribute)
                if not attribute.startswith("_") and isinstance(member, property):
                    yield f"{name}.{attribute}", member.fget


def offenders(things: Iterator[tuple[str, Any]], inspect_: Callable[[Any], object]) -> list[str]:
    found = []
    for name, value in things:
        try:
            inspect_(value)
        except Exception as exc:  # noqa: BLE001 - any of them is listed
            found.append(f"{name}: {type(exc).__name__}: {exc}")
    return found


def test_the_walk_reaches_modules_classes_functions_and_methods() -> None:
    names = {name for name, _ in [*public_names(), *functions()]}
    assert names >= {
        "pytest_insight.query",
        "pytest_insight.models.TestSession",
        "pytest_insight.query.for_sut",
        "pytest_insight.storage.BaseStorage.save_session",
        "pytest_insight.testing.StorageContract",
    }


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_dir_shows_the_public_names_alone(module: ModuleType) -> None:
    shown = [name for name in dir(module) if not name.startswith("__")]
    assert shown == sorted(module.__all__)
    assert len(set(module.__all__)) == len(module.__all__)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_an_unknown_name_is_an_attribute_error(module: ModuleType) -> None:
    with pytest.raises(AttributeError, match="no attribute 'no_such_name'"):
        _ = module.no_such_name


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_a_star_import_gives_every_public_name(module: ModuleType) -> None:
    script = f"from {module.__name__} import *\nprint(*(n for n in dir() if n[0] != '_'))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert sorted(done.stdout.split()) == sorted(module.__all__)


def test_the_package_names_its_public_modules() -> None:
    assert [
        m.__name__ for m in MODULES if f"`{m.__name__}`" not in str(pytest_insight.__doc__)
    ] == []


def test_help_works_on_every_public_name() -> None:
    assert offenders(public_names(), pydoc.render_doc) == []
    assert offenders(((module.__name__, module) for module in MODULES), pydoc.render_doc) == []


def test_every_public_class_function_and_method_has_a_signature() -> None:
    assert offenders(functions(), inspect.signature) == []


def test_the_type_hints_of_every_public_class_function_and_method_resolve() -> None:
    assert offenders(functions(), typing.get_type_hints) == []


def test_the_type_hints_of_every_public_property_resolve() -> None:
    found = dict(properties())
    assert "pytest_insight.storage.StorageProfile.exchange" in found
    assert offenders(iter(found.items()), typing.get_type_hints) == []


def test_every_public_class_function_and_method_is_documented() -> None:
    undocumented = [
        name
        for name, value in functions()
        if not inspect.getdoc(value) and ".StorageContract." not in name
    ]
    assert undocumented == []
