"""The JSON backend: sessions in one JSON document that is appended to in place."""
