"""What verdicts look like in text, as records of JSON and CSV, and as HTML of notebooks."""
