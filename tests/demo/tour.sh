#!/bin/sh
# A tour of what can be asked, on the history of a small sample project (`tests/demo/shop`).
#   sh tests/demo/tour.sh VENV/bin
# Everything happens in .demo, which is the home folder; it is kept until the next tour.
set -eu
cd "$(dirname "$0")/../.."
here=$PWD
PATH="$(cd "$1" && pwd):$PATH"
export PATH

for name in $(env | sed -n 's/^\(PYTEST_INSIGHT[A-Z_]*\|XDG_[A-Z_]*\)=.*/\1/p'); do unset "$name"; done
bold=$(printf '\033[1;36m') dim=$(printf '\033[2m') plain=$(printf '\033[0m')
if [ ! -t 1 ] || [ -n "${NO_COLOR:-}" ]; then bold='' dim='' plain=''; fi

heading() { printf '\n%s== %s ==%s\n' "$bold" "$1" "$plain"; }
note() { printf '%s%s%s\n' "$dim" "$*" "$plain"; }
run() { printf '\n%s$%s %s%s%s\n' "$dim" "$plain" "$bold" "$*" "$plain"; sh -c "$*" 2>&1; }

rm -rf .demo
heading "A small shop: 30 tests, four commits, a branch, recorded fifteen times"
note "The runs are made now and dated back over two weeks. This takes some seconds."
python -m tests.demo.history .demo
HOME=$here/.demo
export HOME
cd .demo/shop
run "git --no-pager log --oneline --graph --all"

heading "Where are we?"
run "insight"
run "insight sessions list"

heading "What failed, and why?"
run "insight failures"
run "insight failures --verbose | head -n 30"

heading "The history of one test, and every failure of a week"
run "insight history test_total[pair]"
run "insight history test_parcels"
run "insight query tests --outcome failed --days 7"

heading "Is it flaky?"
run "insight flaky"
run "insight flaky --verbose"

heading "What got slower, since when, and what is slow?"
run "insight slow"
run "insight query tests --group --sort mean --limit 5"

heading "Everything that is not stable"
run "insight verdicts"
run "insight verdicts --branch main"

heading "A page to show the team, and a summary for a CI job"
run "insight report ~/report.html"
run "insight report | head -n 8"

heading "What is different on this branch?"
run "insight compare"
run "insight compare main --only new-failure --verbose"
run "insight compare main --exit-code --format nodeids || echo exit status \$?"

heading "Runs by branch, commit or tag"
run "insight sessions list --tag ci=nightly --days 7"
run "insight query sessions --branch 'feature/*' --outcome failed"

heading "For scripts: JSON, CSV, nodeids, exit statuses"
run "insight query tests --session last --outcome failed --format nodeids"
run "insight export --days 7 --format csv | head -n 3 | cut -c 1-100"
run "insight query tests --outcome failed --session last --exit-code > /dev/null || echo exit status \$?"

heading "Move it, clean it up, and undo that"
run "insight export ~/history.json.gz"
run "insight profile create copy && insight --profile copy import ~/history.json.gz"
run "insight sessions pin last"
run "insight sessions prune --older-than 7d --yes"
run "insight sessions undo --yes"
run "insight sessions verify"

heading "The manual"
run "insight docs"

heading "That was the tour"
note "Open the report in a browser:"
echo "  file://$here/.demo/report.html"
note "Look around yourself:"
echo "  cd $here/.demo/shop && HOME=$here/.demo PATH=$1:\$PATH insight"
