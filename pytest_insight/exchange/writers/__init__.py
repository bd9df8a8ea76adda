"""Writers of formats: a module per format, and `cases`, which two of them share."""
