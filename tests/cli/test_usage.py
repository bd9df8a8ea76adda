"""What does not work is refused, with the status that the manual names, and names what does."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest

from pytest_insight.cli import near_misses
from pytest_insight.locations import display_path
from pytest_insight.models import TestResult
from pytest_insight.storage import JSONStorage, create_profile
from tests.cli.conftest import INSIGHT, Insight
from tests.conftest import START, MakeSession
from tests.reference import MANUAL, commands
from tests.tools import on_terminal

BAD_VALUES = """
query tests --days seven|--days takes a number of days, as in --days 7, not 'seven'
query tests --days -3|--days must be 0 or more, not -3
query tests --days nan|--days takes a number
query tests --days inf|--days takes a number
query tests --days=|--days takes a number
query tests --limit x|--limit takes a whole number, as in --limit 50, not 'x'
query tests --limit 1.5|--limit takes a whole number
sessions list -n -3|--limit must be 0 or more
query tests --min-duration x|--min-duration takes a number of seconds
query tests --max-duration -1|--max-duration must be 0 or more
query tests --min-duration 2 --max-duration 1|more than
query tests --since soon|--since must be an age like 90d
query tests --until 2026-13-01|--until must be
query tests --since 1d --until 2d|--since '1d' is after --until '2d'
query tests --tag =x|the tag must be
query tests --sut=|--sut is empty: give a value, or leave it out
query tests --branch=|--branch is empty
query tests --nodeid=|--nodeid is empty
query tests --session=|--session is empty
failures --run=|--run is empty
--profile= sessions list|--profile is empty
query tests --commit HEAD|git knows no commit 'HEAD' in this folder
query tests --nodeid ( --regex|is not a regular expression
query tests --regex|--regex needs --nodeid
query tests --outcome fialed|unknown outcome 'fialed'; did you mean 'failed'?
query tests --outcome nonsense|choose error, failed, passed, rerun, skipped, xfailed or xpassed
query tests --outcome=|--outcome is empty
sessions list --outcome fialed|unknown outcome
sessions clear --outcome fialed --yes|unknown outcome
export --outcome fialed|unknown outcome
query tests --sort speed|failures or last, not 'speed'; did you mean 'duration'?
query tests --sort mean|add --group
query tests --group --sort outcome|--group is sorted by
query sessions --format JSON|did you mean 'json'?
sessions prune --older-than xyz|--older-than must be a number followed by s, m, h, d or w
sessions prune --keep x|--keep takes a whole number, as in --keep 500
sessions prune --keep -1|--keep must be 0 or more, not -1
sessions prune|give --older-than or --keep
import good.json --merge nope|choose keep_both, replace_existing, skip_existing or upgrade
import good.json --format xml|unknown format 'xml'; choose allure, csv, ctrf, json,
import good.json --report xml|--report must be table, json or csv
export --format xml|unknown format 'xml'; choose csv, ctrf, excel, json, junit or parquet
export x.yaml|unknown suffix '.yaml'; choose .csv, .ctrf.json, .json, .parquet or .xml
export --output x.yaml|unknown suffix '.yaml'; choose .csv, .ctrf.json, .json, .parquet or .xml
export x.json -o y.json|two files to write
export x.json --excel|Excel opens no .json file: name a .csv file
export -o x.json.gz --excel|Excel opens no .json file: name a .csv file
export -o x.json --format excel|Excel opens no .json file: name a .csv file
profile create new --type JSON|unknown storage type 'JSON'
profile create new --merge nope|unknown merge strategy 'nope'
profile create new --export-format xml|unknown format
profile create new --export-days x|--export-days takes a number of days, as in --export-days 30
profile create new --export-days -1|--export-days must be
profile create new --url nonsense|--url must begin with postgresql://
profile create new --type memory --path y|keeps no file
profile create new!|cannot be the name of a profile
profile rename demo new!|cannot be the name of a profile
profile copy demo new!|cannot be the name of a profile
profile set demo --merge nope|unknown merge strategy
profile set demo --unset nope|--unset must be type, path
profile merge demo default --merge nope|unknown merge strategy
docs nope|unknown topic 'nope'
"""


@pytest.mark.parametrize("line", BAD_VALUES.split("\n")[1:-1])
def test_a_bad_value_has_the_status_of_wrong_usage_and_changes_nothing(
    insight: Insight, store: JSONStorage, line: str
) -> None:
    words, _, said = line.partition("|")
    create_profile("demo")
    Path("good.json").write_bytes(insight("export").raw_out)
    home = Path(store.file_path).parent
    before = {path: path.read_bytes() for path in home.iterdir() if path.is_file()}
    printed = insight(*words.split(), status=2)
    assert said in printed.err
    assert printed.err.startswith("insight: error: ")
    assert "valid number" not in printed.err  # pydantic's words
    assert printed.out == ""
    assert {path: path.read_bytes() for path in home.iterdir() if path.is_file()} == before
    assert {path.name for path in Path().iterdir()} == {"good.json"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("query tests", "TEST is empty: give a value, or leave it out"),
        ("failures", "ID is empty: give a value, or leave it out"),
        ("history", "TEST is empty: give a value"),
    ],
)
@pytest.mark.parametrize("blank", ["", " "])
def test_an_empty_argument_such_as_an_unset_shell_variable_never_means_everything(
    insight: Insight, store: JSONStorage, words: str, said: str, blank: str
) -> None:
    assert store.count()
    printed = insight(*words.split(), blank, status=2)
    assert printed.err.splitlines()[0] == f"insight: error: {said}"
    assert printed.out == ""


def test_a_long_expression_is_quoted_without_its_end(insight: Insight, store: JSONStorage) -> None:
    assert store.count()
    for words in (["-k", "(" * 3_000], ["-k", "a " * 1_500], ["--regex", "--nodeid", "(" * 3_000]):
        printed = insight("query", "tests", *words, status=2)
        assert "..." in printed.err
        assert len(printed.err) < 400


@pytest.mark.parametrize(
    "words",
    [
        "--profile nope sessions list",
        "sessions show nope",
        "query tests --session nope",
        "import missing.json",
        "export missing/x.json",
        "profile delete default",
        "profile create default",
    ],
)
def test_what_would_work_with_other_data_has_the_status_of_an_error(
    insight: Insight, store: JSONStorage, words: str
) -> None:
    assert store.count()
    assert insight(*words.split(), status=1).out == ""


def test_the_manual_lists_the_exit_statuses() -> None:
    text = (MANUAL / "reference.md").read_text()
    section = text.partition("## Exit statuses")[2].partition("## Output")[0]
    assert re.findall(r"^\| (\d+) ", section, re.MULTILINE) == ["0", "1", "2", "3", "130"]
    assert "an unknown outcome, format or suffix" in section


@pytest.mark.parametrize("command", ["sessions list", "query sessions", "query tests"])
def test_a_gate_over_a_store_without_sessions_is_an_error(insight: Insight, command: str) -> None:
    words = [*command.split(), "--outcome", "failed", "--exit-code"]
    printed = insight(*words, status=1)
    where = display_path(JSONStorage().location)
    assert f"--exit-code has nothing to judge: there are no sessions in {where}" in printed.err
    assert not JSONStorage().file_path.exists()


def test_a_gate_passes_only_if_there_are_sessions_of_which_nothing_matches(
    insight: Insight, store: JSONStorage
) -> None:
    assert store.count()
    misnamed = ["--sut", "misnamed", "--outcome", "failed", "--exit-code"]
    for command in (["query", "tests"], ["sessions", "list"]):
        said = insight(*command, *misnamed, status=1).err
        assert "--exit-code has nothing to judge: the options select no session in" in said
    insight("query", "tests", "--outcome", "error", "--exit-code")
    insight("query", "tests", "--outcome", "failed", "--exit-code", status=3)


def test_an_outcome_that_a_plugin_invented_can_be_selected_if_the_store_has_it(
    insight: Insight, make_session: MakeSession
) -> None:
    insight("query", "tests", "--outcome", "flaky", status=2)
    results = (TestResult("a.py::test", "flaky", START), TestResult("a.py::test_2", "rot", START))
    JSONStorage().save_session(make_session(0, test_results=results))
    words = ["query", "tests", "--format", "nodeids", "--outcome"]
    assert insight(*words, "flaky").out == "a.py::test\n"
    assert insight(*words, "flaky", "--outcome", "failed").out == "a.py::test\n"
    said = insight(*words, "flak", status=2).err
    assert "unknown outcome 'flak'; did you mean 'flaky'?" in said
    said = insight(*words, "nonsense", status=2).err
    assert "choose error, failed, flaky, passed, rerun, rot, skipped, xfailed or xpassed" in said


def test_an_export_writes_the_file_that_is_named_by_argument_or_option(
    insight: Insight, store: JSONStorage
) -> None:
    assert store.count()
    for words in (["a.json"], ["-o", "b.json"], ["--output", "c.json"]):
        printed = insight("export", *words)
        assert printed.out == ""
        assert (
            f"exported 3 sessions of {display_path(store.location)} to {words[-1]}" in printed.err
        )
    assert Path("a.json").read_bytes() == Path("b.json").read_bytes() == Path("c.json").read_bytes()
    assert insight("export", "-o", "-").out.startswith('{"format"')


def test_a_letter_and_a_long_name_have_one_meaning_in_all_commands() -> None:
    letters = defaultdict(set)
    metavars = defaultdict(set)
    for command in commands():
        for option in command.options:
            long, *short = sorted(option.opts, key=len, reverse=True)
            for letter in short:
                letters[letter].add(long)
            metavars[long].add(option.metavar)
    assert {letter: names for letter, names in letters.items() if len(names) > 1} == {}
    differ = {
        *("--format", "--sort"),  # which choices there are depends on the command
        "--tag",  # an import sets a tag, with its value
    }
    assert {n: m for n, m in metavars.items() if len(m) > 1 and n not in differ} == {}


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("profile use demo", "insight profile switch demo"),
        ("profile remove demo", "insight profile delete demo"),
        ("profile current", "insight profile show"),
        ("profile diff a b", "insight profile merge a b --dry-run"),
        ("sessions delete x", "insight sessions clear --session x"),
        ("show", "insight sessions show [ID]"),
        ("diff", "insight compare [BASE] [HEAD]"),
        ("diff main", "insight compare main"),
        ("tests/test_a.py::test_b", "insight history tests/test_a.py::test_b"),
        ("show 1a2b", "insight sessions show 1a2b"),
        ("test test_login -v", "insight history test_login"),
        ("test", "insight history TEST"),
        ("list", "insight sessions list"),
        ("last", "insight sessions show last"),
        ("failed", near_misses.FAILURES),
        ("undo", "insight sessions undo"),
        ("query tests -o failed", "--outcome"),
        ("sessions list --after monday", "--since"),
        ("-V", "--version"),
        ("query tests --output failed", "--captured"),
    ],
)
def test_what_people_type_by_habit_is_answered_with_the_right_command(
    insight: Insight, words: str, meant: str
) -> None:
    assert f"did you mean: {meant}?" in insight(*words.split(), status=2).err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("history", "`insight history` needs TEST: a nodeid, a part of one, or a file"),
        (
            "sessions pin",
            "`insight sessions pin` needs ID: IDs, their beginnings or ends, wildcards, or `last`",
        ),
        ("docs recipes x", "`insight docs` takes no argument 'x'"),
        ("query tests --days", "--days needs a value, as in --days 7"),
        ("--profile", "--profile needs a value, as in --profile demo"),
        ("query tests --group=x", "--group takes no value"),
        ("query tests --nonsense", "unknown option '--nonsense'"),
        ("query tests -z", "unknown option '-z'"),
    ],
)
def test_an_error_of_usage_is_a_sentence_and_names_the_help(
    insight: Insight, words: str, said: str
) -> None:
    command = [word for word in words.split() if word in ("query", "tests", "sessions", "pin")]
    command = command or [word for word in words.split()[:1] if not word.startswith("-")]
    see = " ".join(["insight", *command, "--help"])
    assert insight(*words.split(), status=2).err == f"insight: error: {said}\ninsight: see: {see}\n"


def test_the_word_error_is_red_on_a_terminal() -> None:
    environment = {"TERM": "xterm", "HOME": str(Path.home())}
    shown = on_terminal([INSIGHT, "--nonsense"], environment, streams=["stderr"])
    assert shown.text.startswith("insight: \x1b[1;31merror: \x1b[0munknown option")
    plain = on_terminal([INSIGHT, "-z"], environment | {"NO_COLOR": "1"}, streams=["stderr"])
    assert "\x1b[1;31m" not in plain.text
    assert "\x1b[31m" not in plain.text


def test_the_commands_that_are_named_for_near_misses_exist(insight: Insight) -> None:
    known = [list(command.words) for command in commands()]
    assert not {words[0] for words in known} & {*near_misses.ROOT}
    for group in ("profile", "sessions", "query"):
        unknown = getattr(near_misses, group.upper())
        assert not {words[1] for words in known if words[0] == group} & {*unknown}
    for meant in (near_misses.ROOT, near_misses.PROFILE, near_misses.SESSIONS, near_misses.QUERY):
        for line in meant.values():
            program, *words = line.split()
            assert (
                program == "pytest"
                or words[:1] in ([], ["--help"], ["--version"])
                or (words[:1] in known or words[:2] in known)
            ), line
    options = {option for command in commands() for o in command.options for option in o.opts}
    meant_options = {line.split()[0] for line in near_misses.OPTIONS.values()}
    assert meant_options - options == {"--version"}


def test_a_name_that_resembles_none_is_answered_with_all_names(insight: Insight) -> None:
    create_profile("shop")
    assert "choose default or shop" in insight("--profile", "nope", status=1).err
    assert (
        "choose failures, flaky, slow, compare, history, verdicts, report, sessions, query, "
        in insight("nonsense", status=2).err
    )


@pytest.mark.parametrize("command", ["export", "import"])
def test_a_file_in_a_deleted_current_folder_is_not_found_because_of_the_folder(
    insight: Insight,
    store: JSONStorage,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    printed = insight(command, "x.json", status=1)
    assert "x.json: the current folder was deleted; use an absolute path" in printed.err


def test_the_help_of_export_names_the_formats_that_the_error_offers(insight: Insight) -> None:
    assert "json, csv, excel, junit, ctrf or parquet" in " ".join(
        insight("export", "--help").out.split()
    )


def test_an_empty_file_in_the_place_of_a_store_is_called_empty(
    insight: Insight, store: JSONStorage
) -> None:
    store.file_path.write_bytes(b"")
    assert "damaged: the file is empty" in insight("sessions", "verify", status=1).err
