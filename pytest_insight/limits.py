"""Limits for input that other people or programs wrote.

The threat: an import, and a JSON store that another program wrote, may be broken, or made to harm.
Reading it must end with sessions or with an error message, in time that grows linearly with its
size and in memory bounded by a multiple of its size. Text from it never reaches a message
unshortened. Every constant here bounds one such cost; none is met by files of ordinary test runs.
"""

from __future__ import annotations

MAX_NESTING = 100
"""Levels of lists and objects in `testing_system` and `properties`; deeper values are refused,
because code that runs deep in the stack could not read them back."""

MAX_JSON_DEPTH = 1_000
"""Levels of lists and objects in a JSON file to import."""

MAX_DIGITS = 4_300
"""Digits of a whole number in JSON: what Python converts to `int` by default, in quadratic time."""

MAX_FREE_VALUES = 5_000_000
"""Values of arbitrary JSON (`testing_system`, `properties`) in one session. Three bytes of a file
(`1,1`) become about a hundred bytes of memory."""

MAX_READ_BYTES = 1 << 30
"""Bytes of a file that are read into memory at once: a session of a JSON store, a store in another
shape, a journal, the profiles. A sparse file may be larger than any memory and take no space."""

MAX_FIELDS_BYTES = 1 << 26
"""Bytes of a session's own fields that a scan of a JSON store reads; a longer one is read whole."""

MAX_TOP_KEYS = 100
"""Keys that are remembered of the object around a list of sessions, for the error message."""

MAX_UNPACKED_MIB = 1024
"""Size in MiB of a file to import, after unpacking a `.gz` file, unless PYTEST_INSIGHT_MAX_UNPACKED
says otherwise. All of it is in memory at once."""

MAX_GZIP_RATIO = 1032
"""Bytes that one byte of gzip can unpack to; smaller files need no measuring.
Source: https://zlib.net/zlib_tech.html."""

MAX_PROBLEMS = 1_000_000
"""Problems of one file, after which reading stops with an error."""

MAX_PROBLEMS_KEPT = 10_000
"""Problems of one file that are kept with their place and text; further ones are only counted."""

MAX_SHOWN = 1_000
"""Problems, or other parts of a file, that one message lists."""

MAX_TEXT_SHOWN = 80
"""Characters of a value or name from a file that a message quotes."""

MAX_IGNORED_NAMES = 1_000
"""Names of unknown fields that are counted one by one; further ones are counted together."""

VALIDATION_BATCH = 1_000
"""Results, or tags, that pydantic validates at once: it creates objects for every error."""

MAX_CSV_CELL = 2**31 - 1
"""Characters in a CSV cell: the largest limit that the csv module accepts on every platform. Its
default of 128 KiB is too short for captured output."""

MAX_LOOKS = 8
"""How often salvaging a damaged store reads each byte on average. Without it, salvaging would read
all bytes again for each possible start of a session. Damaged stores need three times."""

LOOK_COST = 2_000
"""The fixed cost of each possible start of a session, in bytes, for `MAX_LOOKS`."""

MAX_WARNINGS = 200
"""Distinct warnings of one session; further ones are left out. The recorder keeps as many."""

MAX_NODEIDS_HELD = 100_000
"""Nodeids in one set while repeated ones are sought; of more results, one part after the other is
looked at."""

MAX_PATHS_LOOKED_UP = 1_000
"""Paths of one report that are looked up in a project, to see whether the report is of it."""

MAX_NAME_PARTS = 50
"""Parts of a dotted name in JUnit XML that are looked up: each is tried with every part behind it.
"""

MAX_JOINED_PARTS = 5
"""Parts of a dotted name that are looked up as one file or folder, whose name has dots itself."""

MAX_TAG_BYTES = 64 << 20
"""Bytes of an XML tag with its attributes; reading a longer one would take minutes."""

MAX_HELD_TEXT = 1 << 20
"""Characters of a text in XML that are held before its middle is left out."""

MAX_DURATIONS = 10_000
"""Texts of durations in JUnit XML whose numbers are remembered: most occur many times."""

MAX_COUNTED_ATTEMPTS = 100
"""Attempts of a test that a CTRF report only counts and that become results."""

MAX_ATTACHMENT_END = 1 << 18
"""Bytes at the beginning, and at the end, of an Allure attachment that are read."""
