"""The page of a report, in a real browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, Page, expect

from pytest_insight.compare import Compare
from pytest_insight.models.text import duration_text
from pytest_insight.reports.html.page import html_page
from pytest_insight.reports.report import Report
from pytest_insight.storage.memory import InMemoryStorage
from tests.reports.conftest import OpenPage
from tests.reports.histories import report, sessions

LOGIN = "tests/api/test_login.py::TestLogin::test_login"
QUEUE = "tests/test_queue.py::test_order[first]"
SEARCH = "tests/test_search.py::test_search"
GOOD = "tests/test_good.py::test_good"


def shop() -> Report:
    tests = {LOGIN: "." * 14 + "FFFF", QUEUE: "....F....F....F...", GOOD: "." * 18}
    tests |= {SEARCH: "." * 18}
    took = {SEARCH: [0.1 + n * 0.001 for n in range(12)] + [0.9 + n * 0.001 for n in range(6)]}
    return report(sessions(tests, took=took, url="https://ci.example.org/runs/7?a=1"))


def names(page: Page, section: str) -> list[str]:
    """The nodeids in a section."""
    found: list[str] = page.eval_on_selector_all(
        f"{section} .nodeid", "all => all.map(each => each.title)"
    )
    return found


def test_the_page_says_what_failed_why_what_is_not_stable_and_what_got_slower(
    open_page: OpenPage,
) -> None:
    page = open_page(shop())
    expect(page.locator("h1")).to_have_text("1 of 4 tests failed in the last run")
    expect(page.locator("#summary .facts a")).to_have_attribute(
        "href", "https://ci.example.org/runs/7?a=1"
    )
    card = page.locator("#causes > .cause")
    expect(card.locator("pre")).to_have_count(0)
    card.locator("summary").click()
    expect(card.locator("pre .raised")).to_have_text("E       TimeoutError: redis\n")
    assert names(page, "#causes") == [LOGIN]
    pills = page.locator("#verdicts .pill").all_text_contents()
    assert pills == ["broken", "suspect", "slower"]
    assert names(page, "#verdicts") == [LOGIN, QUEUE, SEARCH]
    assert names(page, "#slow") == [SEARCH]
    expect(page.locator("#slow svg.spark")).to_have_count(1)
    assert names(page, "#tests") == [LOGIN, QUEUE, SEARCH, GOOD]


def test_the_runs_of_all_tests_are_in_columns_of_colour_and_letter(open_page: OpenPage) -> None:
    page = open_page(shop())
    rows = page.eval_on_selector_all("#tests .line .row", "all => all.map(row => row.textContent)")
    assert rows[0] == "·" * 14 + "FFFF"
    ends = page.eval_on_selector_all(
        "#tests .line .row", "all => all.map(row => row.lastChild.getBoundingClientRect().right)"
    )
    bars = page.eval_on_selector("#tests .bars", "bars => bars.getBoundingClientRect().right")
    assert {round(end) for end in ends} == {round(bars)}
    colours = page.eval_on_selector_all(
        "#tests .line:first-child .row i",
        "all => all.map(each => getComputedStyle(each).backgroundImage)",
    )
    assert len(set(colours)) == 2


def test_all_tests_are_sorted_by_verdict_or_by_name(open_page: OpenPage) -> None:
    page = open_page(shop())
    page.get_by_role("button", name="Sort by name").click()
    assert names(page, "#tests") == sorted([LOGIN, QUEUE, SEARCH, GOOD])
    page.get_by_role("button", name="Sort the worst first").click()
    assert names(page, "#tests") == [LOGIN, QUEUE, SEARCH, GOOD]


def test_a_run_under_the_mouse_says_what_it_was(open_page: OpenPage) -> None:
    page = open_page(shop())
    page.locator("#tests .line .row i").nth(1).hover()
    tip = page.locator("#tip").inner_text().splitlines()
    assert tip[0] == "failed"
    assert tip[1].endswith(" · 1 failed, 3 passed")
    page.mouse.move(5, 5)
    expect(page.locator("#tip")).to_be_hidden()


def test_names_and_messages_from_outside_are_inert(open_page: OpenPage) -> None:
    script = "<script>window.broken = 1</script>"
    image = 'tests/a.py::test["><img src=x onerror="window.broken=1">]'
    template = "tests/a.py::test[</template></script>]"
    backwards = "tests/a.py::test[\u202egnp.exe]"
    long = f"tests/a.py::test[{'x' * 10_000}]"
    hebrew = "tests/a.py::test[שלום]"
    tests = dict.fromkeys([script, image, template, backwards, long, hebrew], ".F.FFFF")
    page = open_page(report(sessions(tests, sut=f"{script}&amp;", message=script, text=image)))
    page.locator("#causes summary").first.click()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    assert page.evaluate("window.broken") is None
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 1
    expect(page.locator("#causes .headline")).to_have_text(script)
    expect(page.locator("#sut b")).to_have_text(f"{script}&amp;")
    shown = page.locator("#verdicts").inner_text()
    assert "test[\\u202egnp.exe]" in shown
    assert "\u202e" not in shown
    assert not is_wider_than_screen(page)


def is_wider_than_screen(page: Page) -> bool:
    wider: bool = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return wider


def test_nothing_of_a_history_is_in_the_markup() -> None:
    page = html_page(report(sessions({"</script>test_hostile": "F"}, sut="hostile")))
    assert "hostile" not in page
    assert page.count("</script>") == 1
    data = re.search(r'<template id="data">([^<]*)</template>', page)
    assert data is not None
    assert re.fullmatch(r"[A-Za-z0-9+/=]+", data[1])


def test_the_page_may_load_nothing_and_send_nothing(open_page: OpenPage) -> None:
    page = open_page(shop(), expected="Content Security Policy")
    policy = page.get_attribute("meta[http-equiv=Content-Security-Policy]", "content")
    assert policy is not None
    assert policy.startswith(
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'"
    )
    refused = page.evaluate(
        """() => new Promise(done => {
            addEventListener("securitypolicyviolation", event => done(event.effectiveDirective));
            const image = new Image();
            image.src = "data:,";
        })"""
    )
    assert refused == "img-src"


def test_the_filter_narrows_every_list_and_is_in_the_address(open_page: OpenPage) -> None:
    page = open_page(shop())
    page.fill("#filter", "queue first")
    expect(page).to_have_url(re.compile("#filter=queue%20first$"))
    assert names(page, "#verdicts") == names(page, "#tests") == [QUEUE]
    assert names(page, "#slow") == []
    expect(page.locator("#causes > .cause")).to_have_count(0)
    expect(page.locator("#causes > .empty")).to_have_text("No failing test matches the filter.")
    page.fill("#filter", "no such test")
    expect(page.locator("#tests .empty")).to_have_text("No test matches the filter.")
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile("#$"))
    assert len(names(page, "#tests")) == 4


def test_a_link_with_a_filter_shows_it(open_page: OpenPage) -> None:
    page = open_page(shop(), "#filter=broken")
    assert page.input_value("#filter") == "broken"
    assert names(page, "#tests") == [LOGIN]


def test_a_link_to_a_test_opens_it_and_back_closes_it(open_page: OpenPage) -> None:
    page = open_page(shop(), f"#test={quote(QUEUE, safe='')}")
    details = page.locator("#details")
    expect(details.locator(".whole")).to_have_text(QUEUE)
    expect(details.locator(".runs tr")).to_have_count(18)
    assert details.locator(".runs tr").nth(3).inner_text().split()[:2] == ["F", "failed"]
    page.keyboard.press("Escape")
    expect(details).to_be_hidden()
    page.locator("#verdicts a.test").first.click()
    expect(details.locator(".whole")).to_have_text(LOGIN)
    page.go_back()
    expect(details).to_be_hidden()


def test_a_link_to_a_test_that_no_run_has_says_so(open_page: OpenPage) -> None:
    page = open_page(shop(), "#test=tests/test_gone.py::test_gone")
    expect(page.locator("#details")).to_contain_text("No run in this report has this test.")
    page.keyboard.press("Escape")
    expect(page.locator("#details")).to_be_hidden()


def test_the_page_says_what_commands_say(open_page: OpenPage) -> None:
    tests = {f"t.py::steady{n}": "." * 12 for n in range(20)}
    tests |= {"t.py::bad": "." * 8 + "FFFF", "t.py::left": "." * 7 + "FFFF ", "t.py::x": "...EFE"}
    tests |= {"t.py::new": " " * 11 + "E", "t.py::new2": " " * 11 + "."}
    took = {
        "t.py::steady1": [0.0006] * 6 + [0.0605] * 6,  # the most times as long
        "t.py::steady2": [0.5] * 6 + [1.5] * 6,  # the most time lost: first in `insight slow`
    }
    history = [
        replace(each, session_duration=0.6746) for each in sessions(tests, took=took, url="")
    ]
    page = open_page(report(history), "#filter=new-test-failing")
    expect(page.locator("#summary > .facts").first).to_contain_text("1 failed, 1 error, 21 passed")
    expect(page.locator("#summary > .facts").first).to_contain_text(duration_text(0.6746))
    assert page.locator(".chip").all_inner_texts()[1:2] == ["1 new-test-failing"]
    assert names(page, "#verdicts") == ["t.py::new"]
    page.locator("#filter").fill("")
    expect(page.locator("#slow li .change")).to_have_text(["0.50 s → 1.50 s", "0.6 ms → 60 ms"])
    facts = page.locator("#causes > .cause .facts").first
    expect(facts).to_contain_text("4 tests, 2 of them in the last run")


def test_an_open_test_has_the_focus_so_that_keys_scroll_it(open_page: OpenPage) -> None:
    page = open_page(shop(), f"#test={quote(LOGIN, safe='')}")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#details .whole")).to_have_text(QUEUE)
    assert page.evaluate("document.activeElement.tagName") == "ARTICLE"


def test_keys_filter_move_open_and_close(open_page: OpenPage) -> None:
    page = open_page(shop())
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "filter"
    page.keyboard.type("test_")
    page.keyboard.press("Enter")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    whole = page.locator("#details .whole")
    expect(whole).to_have_text(QUEUE)
    page.keyboard.press("ArrowRight")
    expect(whole).to_have_text(SEARCH)
    page.keyboard.press("Escape")
    expect(page.locator("#details")).to_be_hidden()
    page.keyboard.press("?")
    expect(page.locator("#help")).to_contain_text("filter the tests")
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_background_in_light_and_dark(
    open_page: OpenPage, scheme: Literal["light", "dark"]
) -> None:
    page = open_page(shop(), scheme=scheme)
    page.locator("#causes summary").first.click()
    expect(page.locator("#causes .raised").first).to_be_visible()  # made when the cause has opened
    assert page.evaluate(
        "getComputedStyle(document.body).backgroundColor.match(/\\d+/g)[0] < 128"
    ) is (scheme == "dark")
    texts = ("h1", ".facts", ".pill", ".chip", ".folder", ".evidence", "pre", ".raised", ".days")
    weak = page.evaluate(_CONTRASTS, list(texts))
    assert {name: ratio for name, ratio in weak.items() if ratio < 4.5} == {}
    assert len(weak) == len(texts)


_CONTRASTS = """names => {
    const light = colour => {
        const [red, green, blue] = colour.match(/[\\d.]+/g).slice(0, 3).map(part => {
            const share = part / 255;
            return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const behind = element => {
        for (let each = element; each; each = each.parentElement) {
            const colour = getComputedStyle(each).backgroundColor;
            if (colour !== "rgba(0, 0, 0, 0)") return colour;
        }
    };
    const found = {};
    for (const name of names) {
        for (const element of document.querySelectorAll(`main ${name}`)) {
            const [one, other] = [light(getComputedStyle(element).color), light(behind(element))];
            const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
            found[name] = Math.min(found[name] ?? ratio, ratio);
        }
    }
    return found;
}"""


def test_a_print_has_the_tests_that_are_not_stable_and_open_tracebacks(
    open_page: OpenPage,
) -> None:
    tests = {f"tests/test_{n:03}.py::test": f"{'.' * (n % 14)}F".ljust(16, ".") for n in range(150)}
    page = open_page(report(sessions(tests | {LOGIN: f"{'.' * 14}FF"})), scheme="dark")
    assert page.locator("#tests .line").count() < 100
    page.emulate_media(media="print")
    printed = "dispatchEvent(new Event('beforeprint')), document.querySelectorAll('pre').length"
    assert page.evaluate(printed) >= 1  # at once: no event of the browser is waited for
    assert page.locator("#tests .line").count() >= 150
    expect(page.locator("#causes pre").first).to_be_visible()
    expect(page.locator("h1")).to_have_css("color", "rgb(31, 35, 40)")  # dark, on white paper
    expect(page.locator("#top")).to_be_hidden()
    assert page.pdf().startswith(b"%PDF")


def test_only_the_rows_on_the_screen_are_in_the_document(open_page: OpenPage) -> None:
    tests = {f"tests/test_{n:04}.py::test": ".." for n in range(5_000)}
    page = open_page(report(sessions(tests)))
    assert page.locator("#tests .line").count() < 100
    page.locator("#view").focus()
    page.keyboard.press("End")
    page.wait_for_selector('.line[data-at="4999"].current')
    assert page.locator("#tests .line").count() < 100
    seen = page.eval_on_selector(
        ".line.current",
        "line => line.getBoundingClientRect().bottom <= "
        "document.getElementById('view').getBoundingClientRect().bottom",
    )
    assert seen


def test_a_narrow_page_fits_the_screen(open_page: OpenPage) -> None:
    page = open_page(shop(), width=360)
    assert not is_wider_than_screen(page)
    page.locator("#verdicts a.test").first.click()
    assert not is_wider_than_screen(page)
    assert not is_wider_than_screen(open_page(report(sessions({GOOD: "F." * 60})), width=360))


def test_a_history_without_failures_says_so(open_page: OpenPage) -> None:
    page = open_page(report(sessions({GOOD: "......"})))
    expect(page.locator("h1")).to_have_text("1 test passed in the last run")
    empty = page.locator(".empty").all_text_contents()
    assert empty == [
        "No test is failing now.",
        "Every test is stable, or has too few runs to say.",
        "No test takes longer than it did.",
    ]


def test_one_of_several_suts_is_shown_and_its_name_is_in_the_address(
    open_page: OpenPage,
) -> None:
    two = report(sessions({GOOD: "..."}), sessions({LOGIN: "..F"}, sut="web & co"))
    page = open_page(two)
    assert names(page, "#tests") == [GOOD]
    page.select_option("#sut select", "web & co")
    expect(page).to_have_url(re.compile("#sut=web%20%26%20co$"))
    assert names(page, "#tests") == [LOGIN]


def test_a_comparison_shows_what_changed_by_kind_and_cause(open_page: OpenPage) -> None:
    history = sessions({LOGIN: "..FF", QUEUE: "FF..", GOOD: "...."})
    storage = InMemoryStorage()
    storage.save_sessions(history)
    compared = Compare(storage=storage).against(history[0].session_id).execute()
    page = open_page(report(history)._replace(comparison=compared))
    kinds = page.locator("#compare .pill").all_text_contents()
    assert kinds == ["new-failure", "fixed"]
    assert names(page, "#compare") == [LOGIN, QUEUE]
    page.fill("#filter", "queue")
    expect(page.locator("#compare .nodeid")).to_have_count(1)
    page.locator("#compare a.test").click()
    expect(page.locator("#details .whole")).to_have_text(QUEUE)


def test_a_browser_that_cannot_unpack_the_data_is_told_so(
    chromium: Browser, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    file.write_text(html_page(shop()), "utf-8")
    page = chromium.new_page()
    page.add_init_script("delete globalThis.DecompressionStream")
    page.goto(file.as_uri())
    expect(page.locator("#message")).to_contain_text("needs a newer browser")
