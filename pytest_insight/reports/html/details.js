// One test: its verdict with the evidence, its runs, why it failed, how long it took.

function openDetails(made) {
  const dialog = document.getElementById("details");
  dialog.replaceChildren(made);
  if (!dialog.open) dialog.showModal();
  made.focus(); // what had it may just have been replaced
  dialog.scrollTop = 0;
}

/** Returns what is shown for a link to a test that no run of the report has. */
function missingTest(nodeid) {
  return element("article", { tabindex: -1 }, closeButton(), element("h2", {}, element("bdi.whole", {}, shownLine(nodeid))), element("p.facts", {}, "No run in this report has this test."));
}

function closeButton() {
  return element("button.close", { type: "button", "aria-label": "Close", onclick: () => address.go({ test: null }) }, "×");
}

function detailsOf(suite, number) {
  const { tests, sessions } = suite;
  const more = tests.more[number] || {};
  const nodeid = tests.nodeid[number];
  const row = suite.rows(number);
  const facts = [more.evidence || `${plural(row.replaceAll(" ", "").length, "run")}, never failed`];
  if (more.rate) facts.push(`rate ${more.rate}`);
  if (tests.seconds[number] !== null) facts.push(`${durationText(tests.seconds[number])} in the last run`);
  return element(
    "article",
    { tabindex: -1 },
    closeButton(),
    element("p.above", {}, pill(suite, number), shownLine(suite.sut)),
    element("h2", {}, element("bdi.whole", {}, shownLine(nodeid))),
    element("p.facts", {}, shownLine(facts.join(" · "))),
    more.since && more.since.low && more.since.high && more.since.low !== more.since.high
      ? element("p.facts", {}, `began between ${shownLine(more.since.low.slice(0, 7))} and ${shownLine(more.since.high.slice(0, 7))}`)
      : null,
    element("div.scroll", {}, runRow(row)),
    more.durations && more.durations.length > 1 ? durationsOf(suite, more) : null,
    causesOf(suite, more),
    element("h3", {}, "Runs"),
    runsTable(row, sessions, new Map(more.excluded || [])),
  );
}

function durationsOf(suite, more) {
  const place = suite.sessions.id.indexOf(more.timing.since.session);
  const change = `${durationText(more.timing.was, true)} → ${durationText(more.timing.now, true)}, ${ratioText(more.timing.ratio)} since ${sinceText(more.timing.since)}`;
  return element("div", {}, element("h3", {}, "Durations"), element("p.facts", {}, shownLine(change)), sparkline(more.durations, place < 0 ? undefined : place, 480, 60));
}

function causesOf(suite, more) {
  if (!more.causes || !more.causes.length) return null;
  const cards = more.causes.map(([at, count], n) => {
    const cause = suite.causes[at];
    return element(
      "details.cause",
      { open: n === 0 && more.causes.length === 1 },
      causeSummary(cause, `in ${plural(count, "run")}`),
      element("div.body", {}, cause.tests.length > 1 ? element("p.facts", {}, `hit ${plural(cause.tests.length, "test")}; the text is of the last one`) : null, failureTexts(cause)),
    );
  });
  return element("div", {}, element("h3", {}, "Why it failed"), cards);
}

function runsTable(row, sessions, excluded) {
  const lines = [];
  for (let place = row.length - 1; place >= 0; place -= 1) {
    if (row[place] === " ") continue;
    const word = (OUTCOMES[row[place]] || OUTCOMES["?"])[2];
    lines.push(element(
      "tr",
      {},
      element("td", {}, runRow(row[place]), ` ${word}`, excluded.has(place) ? element("span.facts", { title: shownLine(excluded.get(place)) }, " left out") : null),
      element("td", {}, pageLink(sessions.url[place], timeText(sessions.time[place]))),
      element("td", {}, element("bdi", {}, shownLine(codeText(sessions, place)))),
      element("td.id", {}, shownLine(sessions.id[place])),
    ));
  }
  return element("div.scroll", {}, element("table.runs", {}, element("tbody", {}, lines)));
}
