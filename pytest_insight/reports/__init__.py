"""Reports: what the history of a project says, as Markdown, one HTML page, or JSON."""
