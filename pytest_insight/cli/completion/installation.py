"""Install completion where the shell looks for it.

Typer installs it under ~/.config and ~, whatever XDG_CONFIG_HOME (fish) and ZDOTDIR (zsh) say; its
own way is used if they say nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from pytest_insight._util.files import os_error_text
from pytest_insight.cli.terminal.output import say
from pytest_insight.errors import InsightError

PROGRAM = "insight"


def install(usual: Callable[..., Any], ctx: typer.Context, option: Any, value: Any) -> Any:
    """Install completion for the current shell and exit: the callback of `--install-completion`.

    Args:
        usual: Typer's callback.
        ctx: as Typer calls it.
        option: as Typer calls it.
        value: whether the option is given.

    Raises:
        InsightError: a file cannot be written.
        typer.Exit: it is installed.
    """
    if not value or ctx.resilient_parsing:
        return value
    shell = _current_shell()
    folder = _folder("XDG_CONFIG_HOME") if shell == "fish" else _folder("ZDOTDIR")
    if shell not in ("fish", "zsh") or folder is None:
        return usual(ctx, option, value)
    try:
        path = _install_fish(folder) if shell == "fish" else _install_zsh(folder)
    except OSError as exc:
        raise InsightError(
            f"cannot install completion in {folder}: {os_error_text(exc)}; print the script with "
            "--show-completion"
        ) from exc
    say(f"{shell} completion is installed in {path}; it takes effect in new shells")
    raise typer.Exit


def _current_shell() -> str | None:
    """Return the name of the shell that has started us; None if it cannot be found."""
    try:
        import shellingham  # type: ignore[import-untyped]  # a dependency of Typer
    except ImportError:
        return None
    try:
        name: str = shellingham.detect_shell()[0]
    except shellingham.ShellDetectionFailure:
        return None
    return name


def _folder(variable: str) -> Path | None:
    # A relative path is to be ignored: https://specifications.freedesktop.org/basedir-spec/latest/
    given = os.environ.get(variable, "")
    return Path(given) if os.path.isabs(given) else None  # noqa: PTH117 - "" is no path


def _install_fish(configuration: Path) -> Path:
    path = configuration / "fish" / "completions" / f"{PROGRAM}.fish"
    _write(path, _script("fish"))
    return path


def _install_zsh(folder: Path) -> Path:
    import shlex  # only needed here

    path = folder / ".zfunc" / f"_{PROGRAM}"
    _write(path, _script("zsh"))
    settings = folder / ".zshrc"
    before = settings.read_text("utf-8", "surrogateescape") if settings.exists() else ""
    line = f"fpath+={shlex.quote(str(path.parent))}; autoload -Uz compinit; compinit"
    if line not in before.splitlines():
        _write(settings, f"{before.rstrip()}\n{line}".lstrip("\n"))
    return path


def _script(shell: str) -> str:
    """Return what `insight` prints if `_INSIGHT_COMPLETE` asks for the script of a shell."""
    import subprocess

    code = f"import sys; sys.argv = [{PROGRAM!r}]; from pytest_insight.cli import main; main()"
    variables = os.environ | {f"_{PROGRAM.upper()}_COMPLETE": f"source_{shell}"}
    done = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-c", code], env=variables, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout.strip()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n", "utf-8", "surrogateescape")
