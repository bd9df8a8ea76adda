"""The backends that keep sessions in a database: SQLite, and PostgreSQL.

Everything is written once: the tables (`schema`), what a session is as rows (`rows`), filters as
conditions (`compiling`), reading and writing (`store`). What differs is small: the words of the
language (`dialect`), and the driver (`sqlite`, `postgresql`).
"""
