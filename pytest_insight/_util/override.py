"""`typing.override`, with a stand-in for Python 3.11."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import override  # for type checkers alone
elif sys.version_info >= (3, 12):
    from typing import override
else:

    def override(method: Any) -> Any:
        """Mark a method that overrides one of a base class. Returns the method unchanged."""
        return method


__all__ = ["override"]
