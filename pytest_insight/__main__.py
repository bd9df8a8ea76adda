"""`python -m pytest_insight` is the `insight` command."""

from pytest_insight.cli import main

if __name__ == "__main__":
    main()
