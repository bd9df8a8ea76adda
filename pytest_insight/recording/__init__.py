"""Record a pytest run: from reports to a stored session. Imported only by recorded runs."""
