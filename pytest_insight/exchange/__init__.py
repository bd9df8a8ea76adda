"""Read sessions from files and write them to files. Knows no storage.

A new format to read is a module in `readers` and a line in `read_formats`: in `OWN_FORMATS` if it
holds whole sessions, in `FOREIGN_FORMATS` if another program's reports are in it. A new format to
write is a module in `writers` and a line in `formats.FORMATS`.
"""
