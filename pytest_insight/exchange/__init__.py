"""Read sessions from files and write them to files. Knows no storage.

A new format is a module in `readers` (and one in `writers` if sessions can be written in it), and
an entry in `formats.FORMATS`.
"""
