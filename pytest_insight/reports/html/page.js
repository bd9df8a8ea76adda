// The page: unpacks the data, shows a suite, follows the address.

const OLD_BROWSER = "This report needs a newer browser: Chrome or Edge 80, Firefox 113, Safari 16.4, or later.";

const page = {
  data: null,
  suite: null,
  matrix: null,

  /** Shows what the address says. */
  follow() {
    const { sut, filter, test } = address.read();
    const suite = page.data.suites.find((each) => each.sut === sut) || page.data.suites[0];
    if (suite !== page.suite) page.show(suite);
    const box = document.getElementById("filter");
    if (box.value !== filter && document.activeElement !== box) box.value = filter;
    page.filter(filter);
    const number = test === null ? -1 : suite.numbers.get(test) ?? -1;
    if (number >= 0) openDetails(detailsOf(suite, number));
    else if (test) openDetails(missingTest(test));
    else document.getElementById("details").close();
    document.title = shownLine(`${test && number >= 0 ? `${test.split("::").pop()} · ` : ""}${suite.sut}: ${suite.headline}`).slice(0, 300);
  },

  /** Shows a suite. */
  show(suite) {
    page.suite = suite;
    page.filtered = undefined;
    page.matrix = new Matrix(suite);
    const main = document.getElementById("main");
    main.removeAttribute("aria-busy");
    main.replaceChildren(summaryOf(suite), element("div", { id: "lists" }), page.matrix.element, footer());
    showTop(suite);
  },

  /** Shows only the tests that have each word in their name or verdict. */
  filter(text) {
    if (text === page.filtered) return;
    page.filtered = text;
    const suite = page.suite;
    const keep = keeper(suite, text);
    document.getElementById("lists").replaceChildren(
      compareSection(suite, keep) || "",
      causesSection(suite, keep),
      verdictsSection(suite, keep),
      slowSection(suite, keep),
    );
    const numbers = [];
    for (let number = 0; number < suite.tests.nodeid.length; number += 1) if (keep.test(number)) numbers.push(number);
    page.matrix.show(numbers);
  },

  /** Opens the test before or after the one that is open. */
  step(by) {
    const { matrix, suite } = page;
    const open = suite.numbers.get(address.read().test);
    const at = matrix.numbers.indexOf(open) + by;
    if (at < 0 || at >= matrix.numbers.length) return;
    matrix.current = at;
    matrix.move(0);
    address.go({ test: suite.tests.nodeid[matrix.numbers[at]] }, true);
  },
};

/** Returns what tells whether tests and causes fit a filter. */
function keeper(suite, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  suite.names = suite.names || suite.tests.nodeid.map((nodeid) => nodeid.toLowerCase());
  const has = (number, word) => suite.names[number].includes(word) || verdictOf(suite, number) === word || (word === "new-test-failing" && isNewAndBad(suite, number));
  const test = (number) => words.every((word) => has(number, word));
  const name = (nodeid) => words.every((word) => nodeid.toLowerCase().includes(word) || (suite.numbers.has(nodeid) && has(suite.numbers.get(nodeid), word)));
  const said = (cause) => words.every((word) => cause.message.toLowerCase().includes(word));
  return { test, name, cause: (cause) => !words.length || said(cause) || (cause.failing.length ? cause.failing : cause.tests).some(test) };
}

function summaryOf(suite) {
  const { sessions } = suite;
  const last = sessions.id.length - 1;
  const [bad, all] = badOf(sessions, last);
  const [tone, state] = bad || sessions.crashed[last] ? ["bad", "failing"] : all ? ["good", "passing"] : ["none", "no tests"];
  const width = Math.max(3, Math.min(14, Math.floor(900 / sessions.id.length)));
  const bars = sessionBars(sessions, 44, width);
  bars.addEventListener("mousemove", (event) => {
    const place = event.target.dataset.place;
    if (place !== undefined) tip.show(event, [sessionText(sessions, Number(place))]);
  });
  bars.addEventListener("mouseleave", () => tip.hide());
  return element(
    "section.summary",
    { id: "summary", "aria-label": "Summary" },
    element("p.above", {}, element(`span.light.${tone}`, { "aria-hidden": "true" }), state),
    element("h1", {}, sentence(suite.headline)),
    element("p.facts", {}, pageLink(sessions.url[last], timeText(sessions.time[last])), ` · ${shownLine([codeText(sessions, last), outcomesText(sessions, last), durationText(sessions.seconds[last])].filter(Boolean).join(" · "))}`),
    suite.left_out ? element("p.facts", {}, sentence(suite.left_out)) : null,
    counts(suite),
    sessions.id.length > 1 ? element("figure.history", {}, bars, element("figcaption", {}, shownLine(suite.judged))) : element("p.facts", {}, shownLine(suite.judged)),
  );
}

function sentence(text) {
  return text[0].toUpperCase() + text.slice(1);
}

function counts(suite) {
  const found = Object.entries(suite.counts);
  if (!found.length) return null;
  return element("p.counts", {}, found.map(([name, count]) =>
    element(`a.chip.${TONES[name]}`, { href: name === "slower" ? "#slow" : address.with({ filter: name }), "data-section": name === "slower" ? "slow" : "verdicts" }, element("b", {}, count.toLocaleString("en")), ` ${name}`),
  ));
}

function showTop(suite) {
  const { suites } = page.data;
  const names = suites.map((each) => element("option", { selected: each === suite, value: each.sut }, shownLine(each.sut)));
  const chooser = suites.length > 1
    ? element("select", { "aria-label": "System under test", onchange: (event) => address.go({ sut: event.target.value, test: null }) }, names)
    : element("b", {}, shownLine(suite.sut));
  document.getElementById("sut").replaceChildren(element("span.logo", { "aria-hidden": "true" }, runRow(".F.")), chooser, suite.branch ? element("bdi.branch", {}, shownLine(suite.branch)) : "");
  const compared = page.data.comparison && page.data.comparison.sut === suite.sut ? [["compare", "Compared"]] : [];
  const links = [...compared, ["causes", "Causes"], ["verdicts", "Verdicts"], ["slow", "Slow"], ["tests", "All tests"]];
  document.getElementById("sections").replaceChildren(...links.map(([id, text]) => element("a", { href: `#${id}`, "data-section": id }, text)));
}

function footer() {
  return element(
    "footer",
    {},
    `Made by pytest-insight ${page.data.version} on ${timeText(page.data.made)}. `,
    element("button.quiet", { type: "button", onclick: openHelp }, "Keys"),
  );
}

/** Scrolls to a section; its link must not replace what the address says. */
function onSectionClick(event) {
  const link = event.target.closest("a[data-section]");
  if (!link || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  if (link.hash.startsWith("#filter") || link.hash.includes("&filter")) address.go({ filter: new URLSearchParams(link.hash.slice(1)).get("filter") });
  document.getElementById(link.dataset.section).scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}

function prepare(suite) {
  const { tests } = suite;
  suite.numbers = new Map(tests.nodeid.map((nodeid, number) => [nodeid, number]));
  suite.rows = (number) => tests.rows[tests.row[number]];
  suite.notable = [];
  for (let number = 0; number < tests.nodeid.length; number += 1) {
    if (!["stable", "too-few"].includes(verdictOf(suite, number))) suite.notable.push(number);
  }
  suite.timed = Object.keys(tests.more).map(Number).filter((number) => tests.more[number].timing);
  const loss = (number) => tests.more[number].timing.now - tests.more[number].timing.was;
  suite.timed.sort((one, other) => loss(other) - loss(one)); // as `insight slow`
}

async function unpack() {
  const packed = document.getElementById("data").content.textContent;
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

function listen() {
  const filter = document.getElementById("filter");
  let waiting = 0;
  filter.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => address.go({ filter: filter.value.trim() }, true), 80);
  });
  addEventListener("hashchange", page.follow);
  addEventListener("popstate", page.follow);
  document.addEventListener("keydown", onKey);
  document.addEventListener("click", onSectionClick);
  const details = document.getElementById("details");
  details.addEventListener("cancel", (event) => {
    event.preventDefault();
    address.go({ test: null });
  });
  for (const dialog of [details, document.getElementById("help")]) {
    dialog.addEventListener("click", (event) => {
      if (event.target !== dialog) return;
      if (dialog === details) address.go({ test: null });
      else dialog.close();
    });
  }
  addEventListener("beforeprint", () => {
    page.matrix.print(Math.max(page.suite.notable.length, 60));
    for (const card of document.querySelectorAll("#lists > #causes > details.cause")) {
      card.open = true;
      card.dispatchEvent(new Event("toggle")); // the browser's own comes after the page was printed
    }
  });
  addEventListener("afterprint", () => page.matrix.print(0));
}

async function start() {
  const message = document.getElementById("message");
  if (typeof DecompressionStream === "undefined") {
    message.textContent = OLD_BROWSER;
    return;
  }
  page.data = await unpack();
  if (!page.data.suites.length) {
    message.textContent = "There is no run in this report.";
    return;
  }
  page.data.suites.forEach(prepare);
  listen();
  page.follow();
  const link = document.querySelector(`#sections a[data-section="${CSS.escape(location.hash.slice(1))}"]`);
  if (link) document.getElementById(link.dataset.section).scrollIntoView();
}

start();
