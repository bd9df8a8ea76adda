"""Backends that store sessions in a database: SQLite and PostgreSQL.

Both share the tables (`schema`), the encoding of a session as rows (`rows`), the translation of
filters into SQL (`conditions`), and reading and writing (`storage`, `reader`, `writer`). Each has a
folder with its SQL dialect, its driver (`connection`) and its storage class.
"""
