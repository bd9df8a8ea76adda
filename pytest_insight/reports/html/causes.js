// Why tests failed: a card for each cause, with the tests that it hit and the text of one failure.

const MOST_TESTS_LISTED = 50;

function causesSection(suite, keep) {
  const kept = suite.causes.filter((cause) => keep.cause(cause));
  const now = kept.filter((cause) => cause.failing.length);
  const before = kept.filter((cause) => !cause.failing.length);
  const made = section("causes", "Why tests fail", now.length);
  if (!now.length) {
    const nothing = suite.causes.some((cause) => cause.failing.length) ? "No failing test matches the filter." : "No test is failing now.";
    made.append(element("p.empty", {}, nothing));
  }
  made.append(...now.map((cause) => causeCard(suite, cause, cause.failing)));
  if (before.length) {
    const earlier = element("details.earlier", {}, element("summary", {}, `${plural(before.length, "cause")} of earlier failures`));
    earlier.addEventListener("toggle", () => {
      if (earlier.open && earlier.children.length === 1) {
        earlier.append(...before.map((cause) => causeCard(suite, cause, cause.tests)));
      }
    });
    made.append(earlier);
  }
  return made;
}

function causeCard(suite, cause, tests) {
  const now = cause.failing.filter((number) => "FE".includes(suite.rows(number).slice(-1))).length;
  const of = now < cause.failing.length ? `, ${now.toLocaleString("en")} of them in the last run` : ""; // the others were not run, or skipped
  const facts = [plural(tests.length, "test") + of, `in ${plural(cause.sessions, "run")}`];
  if (cause.phase) facts.push(`at ${cause.phase}`);
  const { first, last } = cause;
  if (first !== null) facts.push(cause.failing.length ? `first seen ${dayText(suite.sessions.time[first])}` : `last seen ${dayText(suite.sessions.time[last])}`);
  const card = element("details.cause", { "data-cause": cause.key }, causeSummary(cause, facts.join(" · ")));
  card.addEventListener("toggle", () => {
    if (card.open && card.children.length === 1) card.append(causeBody(suite, cause, tests));
  });
  return card;
}

function causeSummary(cause, facts) {
  const place = cause.crash ? element("code.place", {}, shownLine(cause.crash)) : null;
  return element("summary", {}, element("bdi.headline", {}, shownLine(cause.message) || "no message"), element("span.facts", {}, facts, place));
}

function causeBody(suite, cause, tests) {
  const listed = tests.slice(0, MOST_TESTS_LISTED).map((number) => element("li", {}, testLink(suite, number), pill(suite, number)));
  if (tests.length > MOST_TESTS_LISTED) listed.push(element("li.more", {}, `and ${tests.length - MOST_TESTS_LISTED} more`));
  return element("div.body", {}, element("ul.tests", {}, listed), failureTexts(cause));
}

/** Returns the texts of a failure, each under its title. */
function failureTexts(cause) {
  if (!cause.texts.length) return [element("p.empty", {}, "No text of this failure was kept.")];
  return cause.texts.map(([title, text]) =>
    element("figure.text", {}, element("figcaption", {}, title), element("pre", { tabindex: 0 }, title === "traceback" ? tracebackLines(text) : shown(text))),
  );
}

/** Returns the lines of a traceback: what pytest marks with E and > stands out. */
function tracebackLines(text) {
  return shown(text).split("\n").map((line) => {
    const kind = line.startsWith("E  ") ? "b.raised" : line.startsWith(">") ? "b.at" : null;
    return kind ? element(kind, {}, `${line}\n`) : `${line}\n`;
  });
}
