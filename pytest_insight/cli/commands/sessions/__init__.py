"""The commands of `insight sessions`, by topic; `group` puts them together."""
