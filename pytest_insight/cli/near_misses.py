"""What people type by mistake, by habit from other programs, and the command line they mean."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pytest_insight.errors import near_names

FAILURES = "insight failures"

ROOT = {
    "manual": "insight docs",
    "status": "insight",
    "record": "pytest --insight",
    "run": "pytest --insight",
    "list": "insight sessions list",
    "ls": "insight sessions list",
    "runs": "insight sessions list",
    "log": "insight sessions list",
    "show": "insight sessions show [ID]",
    "last": "insight sessions show last",
    "failed": FAILURES,
    "tests": "insight query tests",
    "find": "insight query tests",
    "test": "insight history TEST",
    "flakes": "insight flaky",
    "slower": "insight slow",
    "slowest": "insight query tests --group --sort mean",
    "verdict": "insight verdicts",
    "broken": "insight verdicts --only broken",
    "diff": "insight compare [BASE] [HEAD]",
    "delete": "insight sessions clear --session ID",
    "remove": "insight sessions clear --session ID",
    "rm": "insight sessions clear --session ID",
    "html": "insight report report.html",
    "use": "insight profile switch NAME",
    "merge": "insight profile merge SOURCE TARGET",
    **{name: f"insight sessions {name}" for name in ("clear", "prune", "verify", "repair", "undo")},
    **{name: f"insight sessions {name} ID" for name in ("pin", "unpin")},
    **{name: f"insight profile {name} NAME" for name in ("create", "switch")},
}
"""Commands that `insight` itself does not have."""

PROFILE = {
    "use": "insight profile switch NAME",
    "activate": "insight profile switch NAME",
    "select": "insight profile switch NAME",
    "current": "insight profile show",
    "active": "insight profile show",
    "get": "insight profile show NAME",
    "info": "insight profile show NAME",
    "remove": "insight profile delete NAME",
    "rm": "insight profile delete NAME",
    "add": "insight profile create NAME",
    "new": "insight profile create NAME",
    "init": "insight profile create NAME",
    "edit": "insight profile set NAME",
    "update": "insight profile set NAME",
    "config": "insight profile set NAME",
    "mv": "insight profile rename OLD NEW",
    "cp": "insight profile copy SOURCE NEW",
    "clone": "insight profile copy SOURCE NEW",
    "ls": "insight profile list",
    "diff": "insight profile merge SOURCE TARGET --dry-run",
    "compare": "insight profile merge SOURCE TARGET --dry-run",
    "export": "insight export --profile NAME",
    "import": "insight import --profile NAME",
}
"""Commands that `insight profile` does not have."""

SESSIONS = {
    "ls": "insight sessions list",
    "last": "insight sessions show last",
    "view": "insight sessions show ID",
    "info": "insight sessions show ID",
    "get": "insight sessions show ID",
    "delete": "insight sessions clear --session ID",
    "remove": "insight sessions clear --session ID",
    "rm": "insight sessions clear --session ID",
    "check": "insight sessions verify",
    "fix": "insight sessions repair",
    "restore": "insight sessions undo",
    "find": "insight query sessions",
    "query": "insight query sessions",
    "export": "insight export",
    "import": "insight import FILE",
}
"""Commands that `insight sessions` does not have."""

QUERY = {
    "runs": "insight query sessions",
    "results": "insight query tests",
    "nodeids": "insight query tests --format nodeids",
    "failures": FAILURES,
    "failed": FAILURES,
    "flaky": "insight flaky",
    "slow": "insight slow",
    "verdicts": "insight verdicts",
}
"""Commands that `insight query` does not have."""

OPTIONS = {
    "-o": "--outcome",
    "--output": "--captured",
    "--last": "--session last",
    "--after": "--since",
    "--from": "--since",
    "--before": "--until",
    "--to": "--until",
    "--status": "--outcome",
    "--project": "--sut",
    "--test": "--nodeid",
    "--all": "--all-projects",
    "-V": "--version",
    "-v": "--version",
    "--json": "--format json --fields NAMES",
    "--csv": "--format csv",
}
"""Options that a command does not have, and the one it has."""

VALUES = {
    "speed": "duration",
    "slowest": "duration",
    "time": "duration",
    "date": "started",
    "newest": "started",
    "name": "nodeid",
    "status": "outcome",
    "failed": "failures",
    "md": "markdown",
}
"""Values that an option does not have, and the one that is meant if it is among its choices."""


def near_value(given: str, choices: Sequence[str]) -> str:
    """Return the choice that is meant by an unknown value; "" if no choice is near."""
    given = given.lower()
    near = [VALUES[given]] if VALUES.get(given) in choices else []
    near += near_names(given, choices, most=1)
    return str(near[0]) if near else ""


def with_arguments(meant: str, given: Sequence[str]) -> str:
    """Return the command line that is meant, with the arguments that were given.

    Args:
        meant: a command line of this module.
        given: what followed the unknown name; it replaces placeholders as NAME, up to an option.
            Then optional ones for which nothing is left, as [NAME], are left out.
    """
    import shlex  # only needed for an error

    arguments = iter(given)

    def fill(placeholder: re.Match[str]) -> str:
        word = next(arguments, "-")
        if not word.startswith("-"):
            return shlex.quote(word)
        is_needless = given and placeholder[0].startswith("[")
        return "" if is_needless else placeholder[0]

    return re.sub(r"\[?\b[A-Z]+\b\]?", fill, meant).rstrip()
