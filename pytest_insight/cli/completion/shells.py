"""Completion in bash, zsh and fish: the scripts they load, and the answer to a TAB.

A script hands over the line as it was typed, and takes what is offered as plain lines. No shell
ever evaluates them: the names in them are whatever a test run, or a file from elsewhere, was
called. Typer's own scripts do, and know of no names with blanks, colons or quotes.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import sys
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import NamedTuple

from pytest_insight.errors import InsightError

COMPLETE_VARIABLE = "_INSIGHT_COMPLETE"
"""What the scripts set: the name of their shell. `source_zsh` asks for zsh's script itself."""

LINE_VARIABLE = "_INSIGHT_LINE"
"""The line, from the command to the cursor."""

BREAKS_VARIABLE = "_INSIGHT_BREAKS"
"""What separates words for bash, beside blanks: it replaces only what is behind the last one."""

_BASH = r"""_insight() {
    mapfile -t COMPREPLY < <(
        _INSIGHT_COMPLETE=bash _INSIGHT_LINE="${COMP_LINE:0:COMP_POINT}" \
            _INSIGHT_BREAKS="$COMP_WORDBREAKS" "$1" 2>/dev/null
    )
}

complete -o default -o nosort -F _insight insight
"""

_ZSH = r"""#compdef insight

_insight() {
  local line
  local -a offered values shown each_on_a_line
  offered=("${(@f)$(_INSIGHT_COMPLETE=zsh _INSIGHT_LINE="${(j: :)words[1,CURRENT]}" \
    insight 2>/dev/null)}")
  for line in $offered; do
    values+=("${line%%$'\t'*}")
    shown+=("${line#*$'\t'}")
    [[ $line == *$'\t'* ]] && each_on_a_line=(-l)
  done
  if (( $#values )); then
    compadd $each_on_a_line -V insight -d shown -a values
  else
    _files
  fi
}

if [[ $funcstack[1] == _insight ]]; then
  _insight "$@"
else
  compdef _insight insight
fi
"""

_FISH = r"""function __insight_offered
    set -l line (commandline --cut-at-cursor --current-process | string collect)
    set -l offered (env _INSIGHT_COMPLETE=fish _INSIGHT_LINE=$line insight 2>/dev/null)
    if set -q offered[1]
        printf '%s\n' $offered
    else
        __fish_complete_path (commandline --cut-at-cursor --current-token)
    end
end

complete --command insight --no-files --keep-order --arguments '(__insight_offered)'
"""

SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


class Typed(NamedTuple):
    """A line that is being typed, as a shell reads it.

    Attributes:
        words: its words without quotes; the last one, which may be empty, is not finished.
        quote: the quotation mark that is still open, or "".
        kept: how many letters of the last word stand before what bash replaces.
    """

    words: list[str]
    quote: str
    kept: int


def typed(line: str, breaks: str = "") -> Typed:
    """Read a line.

    Args:
        line: from the command to the cursor.
        breaks: bash's COMP_WORDBREAKS.
    """
    words, quote, kept = [""], "", 0
    letters = iter(line.lstrip())
    for letter in letters:
        if letter == "\\" and quote != "'":
            words[-1] += next(letters, "")
        elif letter == quote:
            quote = ""
        elif quote:
            words[-1] += letter
        elif letter in "'\"":
            quote, kept = letter, len(words[-1])
        elif letter.isspace():
            words.append("")
            kept = 0
        else:
            words[-1] += letter
            if letter in breaks:
                kept = len(words[-1])
    # Two blanks in a row make no word, but the last one may be empty.
    return Typed([word for word in words[:-1] if word] + words[-1:], quote, kept)


def answer(shell: str) -> None:
    """Print what a TAB offers, for the script of that shell.

    Raises:
        SystemExit: always, when it is done.
    """
    line = typed(os.environ.get(LINE_VARIABLE, ""), os.environ.get(BREAKS_VARIABLE, ""))
    offers = _offers(line.words)
    if shell == "bash":
        lines = [_for_bash(line, value) for value, *_help in offers]
    elif shell == "zsh":
        lines = _for_zsh(offers)
    else:
        lines = ["\t".join(offer) for offer in offers]
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.exit(0)


def _for_bash(line: Typed, value: str) -> str:
    """What bash puts in the place of what it replaces, quoted as that is."""
    rest = value[line.kept :]
    special, instead = {
        "": (r"[^\w@%+=:,./-]", r"\\\g<0>"),
        '"': (r'[\\"$`]', r"\\\g<0>"),
        "'": ("'", r"'\\''"),
    }[line.quote]
    rest = re.sub(special, instead, rest)
    # Bash closes the quotation, unless it takes a last letter for its end.
    return rest + line.quote if line.quote and rest.endswith(line.quote) else rest


def _for_zsh(offers: list[list[str]]) -> list[str]:
    """Each value, and after a tab what the list of them shows where there is help."""
    widest = max((len(value) for value, *_help in offers), default=0)
    return [
        f"{value}\t{value:{widest}}  -- {help_[0]}" if help_ else value for value, *help_ in offers
    ]


def _offers(words: list[str]) -> list[list[str]]:
    """The values that may stand for the last word, each with its help where it has one."""
    os.environ[COMPLETE_VARIABLE] = "complete_fish"  # of Typer's formats the one without quoting
    os.environ["_TYPER_COMPLETE_FISH_ACTION"] = "get-args"
    os.environ["_TYPER_COMPLETE_ARGS"] = shlex.join(words)
    from typer.completion import completion_init  # type: ignore[attr-defined]  # no `__all__`

    from pytest_insight.cli.app import app

    completion_init()
    printed = io.StringIO()
    with redirect_stdout(printed), suppress(SystemExit):
        app(prog_name="insight")  # whatever it was called by: Typer looks for its variable
    option, equals, _value = words[-1].partition("=")
    prefix = f"{option}=" if equals and option.startswith("-") else ""
    return [(prefix + line).split("\t") for line in printed.getvalue().splitlines() if line]


def in_use() -> str:
    """The shell that the environment names.

    Raises:
        InsightError: there is no completion for it.
    """
    name = Path(os.environ.get("SHELL", "")).name
    if name not in SCRIPTS:
        known = ", ".join(SCRIPTS)
        raise InsightError(
            f"there is no completion for the shell {name!r}, only for {known}: "
            "name one of them, as in SHELL=zsh insight --install-completion"
        )
    return name


def install(shell: str) -> Path:
    """Put a shell's script where the shell looks for it, and have the shell look there.

    Raises:
        InsightError: a file cannot be written.
    """
    home = Path.home()
    places = {
        "bash": (home / ".bash_completions/insight.sh", home / ".bashrc"),
        "zsh": (home / ".zfunc/_insight", home / ".zshrc"),
        "fish": (home / ".config/fish/completions/insight.fish", None),
    }
    script, start = places[shell]
    line = {
        "bash": f"source {shlex.quote(str(script))}",
        "zsh": "fpath+=~/.zfunc; autoload -Uz compinit; compinit",
    }.get(shell, "")
    try:
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(SCRIPTS[shell], encoding="utf-8")
        if start is not None:
            before = start.read_text(encoding="utf-8") if start.exists() else ""
            if line not in before.splitlines():
                with start.open("a", encoding="utf-8") as file:
                    file.write(
                        f"{'' if before.endswith(chr(10)) or not before else chr(10)}{line}\n"
                    )
    except (OSError, UnicodeDecodeError) as exc:
        raise InsightError(f"cannot install the completion for {shell}: {exc}") from exc
    return script
