"""Byte order marks: bytes in UTF-16 and UTF-32 as UTF-8."""

from __future__ import annotations

import codecs

from pytest_insight.errors import ExchangeError

_BYTE_ORDER_MARKS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def to_utf8(data: bytes, source: str) -> bytes:
    """Return the bytes as UTF-8 without a byte order mark; unchanged if they have no mark.

    Raises:
        ExchangeError: the mark says UTF-16 or UTF-32, but the bytes are not.
    """
    if data.startswith(codecs.BOM_UTF8):
        return data[len(codecs.BOM_UTF8) :]
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            try:
                return data.decode(encoding).encode()
            except UnicodeError as exc:
                raise ExchangeError(
                    f"{source} has a byte order mark of {encoding.upper()}, but is not: {exc}",
                    source,
                ) from exc
    return data
