// Verdicts, and what got slower: a row for each test.

const SHOWN_AT_ONCE = 50;
const RUNS_SHOWN = 30;

const TONES = {
  broken: "bad", "new-failure": "bad", "new-test-failing": "bad", flaky: "odd", suspect: "warn", "unstable-xfail": "warn", fixed: "good",
  "failed-once": "calm", slower: "warn", faster: "good", "new-test": "calm", stable: "calm", "too-few": "calm",
};

function section(id, title, count) {
  const shownCount = count === undefined ? null : element("span.count", {}, count.toLocaleString("en"));
  return element("section", { id, "aria-label": title }, element("h2", {}, title, shownCount));
}

function verdictOf(suite, number) {
  return page.data.verdicts[suite.tests.verdict[number]];
}

function isNewAndBad(suite, number) {
  const more = suite.tests.more[number];
  return verdictOf(suite, number) === "new-test" && Boolean(more && more.bad);
}

function toneOf(suite, number) {
  const verdict = verdictOf(suite, number);
  return isNewAndBad(suite, number) ? "bad" : TONES[verdict] || "calm";
}

function pill(suite, number) {
  return element(`span.pill.${toneOf(suite, number)}`, {}, verdictOf(suite, number));
}

function testLink(suite, number) {
  const nodeid = suite.tests.nodeid[number];
  return element("a.test", { href: address.with({ test: nodeid }), "data-test": number }, nodeidElement(nodeid));
}

/** Appends rows to a list, more of them when asked. */
function appendRows(list, numbers, row) {
  const more = element("button.more", { type: "button" });
  let count = 0;
  const add = (limit) => {
    const end = Math.min(numbers.length, count + limit);
    for (; count < end; count += 1) list.append(row(numbers[count]));
    more.textContent = `Show ${plural(numbers.length - count, "more test")}`;
    more.hidden = count === numbers.length;
  };
  more.addEventListener("click", () => add(500));
  add(SHOWN_AT_ONCE);
  return [list, more];
}

function verdictsSection(suite, keep) {
  const all = suite.notable;
  const numbers = all.filter(keep.test);
  const made = section("verdicts", "Tests that are not stable", numbers.length);
  if (!numbers.length) {
    made.append(element("p.empty", {}, all.length ? "None of them matches the filter." : "Every test is stable, or has too few runs to say."));
    return made;
  }
  const list = element("ul.list.verdicts");
  made.append(...appendRows(list, numbers, (number) => {
    const more = suite.tests.more[number];
    const row = suite.rows(number);
    return element(
      "li",
      {},
      pill(suite, number),
      testLink(suite, number),
      element("span.evidence", {}, shownLine(more ? more.evidence : "")),
      runRow(row.slice(-RUNS_SHOWN)),
    );
  }));
  return made;
}

function slowSection(suite, keep) {
  const all = suite.timed;
  const numbers = all.filter(keep.test);
  const made = section("slow", "Slower and faster", numbers.length);
  if (!numbers.length) {
    made.append(element("p.empty", {}, all.length ? "None of them matches the filter." : "No test takes longer than it did."));
    return made;
  }
  const list = element("ul.list.slow");
  made.append(...appendRows(list, numbers, (number) => {
    const { timing, durations } = suite.tests.more[number];
    const place = suite.sessions.id.indexOf(timing.since.session);
    return element(
      "li",
      {},
      testLink(suite, number),
      element("span.change", {}, durationText(timing.was, true), " → ", element("b", {}, durationText(timing.now, true))),
      element(`span.pill.${timing.ratio > 1 ? "warn" : "good"}`, {}, ratioText(timing.ratio)),
      durations.length ? sparkline(durations, place < 0 ? undefined : place) : element("span"),
      element("span.since", {}, `since ${shownLine(sinceText(timing.since))}`),
    );
  }));
  return made;
}
