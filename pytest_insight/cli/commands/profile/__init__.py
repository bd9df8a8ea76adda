"""The commands of `insight profile`, by topic; `group` puts them together."""
