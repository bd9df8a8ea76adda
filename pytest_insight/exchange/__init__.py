"""Read sessions from files and write them to files. Knows no storage.

To add a format:

- of another program's reports: a module in `readers` that returns a `draft.ForeignReport`, and a
  line in `read_formats.FOREIGN_FORMATS`. What the format lacks is a loss of `losses`.
- that holds whole sessions: a module in `readers`, and a line in `read_formats.OWN_FORMATS`.
- that is written: a module in `writers`, and a line in `write_formats.FORMATS`.

A file comes in by `discovery` and `input`; drafts become sessions in `draft`; `validation` and
`session_models` check our own formats; `merge` and `same_run` plan what an import does.
"""
