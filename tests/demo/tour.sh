#!/bin/sh
# A tour: records some of the project's own tests several times, with some runs made to differ, then
# lists, queries, exports and imports them. Everything happens under a throw-away home.
#   sh tests/demo/tour.sh VENV/bin
set -eu
cd "$(dirname "$0")/../.."
PATH="$(cd "$1" && pwd):$PATH"
export PATH
PYTEST_INSIGHT_HOME=$(mktemp -d)
export PYTEST_INSIGHT_HOME
trap 'rm -rf "$PYTEST_INSIGHT_HOME"' EXIT
unset PYTEST_INSIGHT_PROFILE PYTEST_INSIGHT_STORAGE_TYPE PYTEST_INSIGHT_DB_PATH
status=0

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
run() { printf '\033[2m$ %s\033[0m\n' "$*"; sh -c "$*" || status=$?; }
# A recorded run may fail: that is what it is recorded for. Statuses over 1 are no test failures.
record() {
    printf '\033[2m$ %s\033[0m\n' "$*"
    code=0
    said=$(sh -c "$*" 2>&1) || code=$?
    if [ "$code" -gt 1 ]; then
        printf '%s\n' "$said" >&2
        exit "$code"
    fi
    printf '%s\n' "$said" | grep -E '^insight:| in [0-9.]+s'
}

units="tests/test_models.py tests/test_filters.py tests/test_merge.py"
pytest="pytest -p no:cacheprovider -p tests.demo.faults $units --insight --insight-sut pytest-insight"

say "Record some runs of this project's own tests."
record "$pytest --insight-tag kind=all"
record "DEMO_FAIL=unknown $pytest --insight-tag kind=all"
record "DEMO_SLOW=rerun $pytest --insight-tag kind=all"
record "$pytest --insight-tag kind=quick -k outcome"

say "What was recorded?"
run "insight sessions list"

say "What failed, and which tests are slow?"
run "insight query tests --outcome failed"
run "insight query tests --min-duration 0.25"
run "insight sessions show last"

say "Into a spreadsheet, and into another profile."
run "insight export --days 7 --format csv | head -3 | cut -c1-100"
run "insight profile create copy --type json"
run "insight export --tag kind=all | insight --profile copy import"
run "insight --profile copy import --merge keep_both \$PYTEST_INSIGHT_HOME/sessions.json"
run "PYTEST_INSIGHT_PROFILE=copy insight sessions list"
run "insight profile list"

if [ "$status" -ne 0 ]; then
    echo "a command failed with status $status" >&2
    exit 1
fi
say "That was all; its home, $PYTEST_INSIGHT_HOME, is removed."
