"""The sample project's tests are run by the demo, not with ours."""

collect_ignore = ["shop"]
