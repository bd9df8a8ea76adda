// Pictures: rows of runs, sparklines, bars.

const OUTCOMES = {
  ".": ["p", "·", "passed"],
  F: ["f", "F", "failed"],
  E: ["e", "E", "error"],
  s: ["s", "s", "skipped"],
  x: ["x", "x", "xfailed"],
  X: ["X", "X", "xpassed"],
  R: ["r", "R", "passed when run again"],
  "?": ["o", "?", "another outcome"],
  " ": ["n", "\u00a0", "not run"],
};

/** Returns a row of runs, a coloured letter for each; equal neighbours are one element. */
function runRow(row, tag = "span.row") {
  const made = element(tag, { "aria-hidden": "true" });
  for (let start = 0; start < row.length; ) {
    let end = start + 1;
    while (end < row.length && row[end] === row[start]) end += 1;
    const [kind, letter] = OUTCOMES[row[start]] || OUTCOMES["?"];
    made.append(element(`i.${kind}`, { style: `width:calc(var(--cell) * ${end - start})` }, letter.repeat(end - start)));
    start = end;
  }
  return made;
}

/** Returns the legend of the letters that occur in rows. */
function legend(rows) {
  const used = Object.keys(OUTCOMES).filter((letter) => letter !== " " && rows.some((row) => row.includes(letter)));
  return element(
    "p.legend",
    {},
    used.map((letter) => element("span.key", {}, runRow(letter), OUTCOMES[letter][2])),
    element("span.key", {}, "newest run on the right"),
  );
}

/** Returns a line of durations; `since` is the session from which on they changed. */
function sparkline(durations, since, width = 160, height = 28) {
  const values = durations.map(([, seconds]) => seconds);
  const top = Math.max(...values) || 1;
  const x = (n) => (values.length < 2 ? width : 2 + (n * (width - 4)) / (values.length - 1));
  const y = (value) => height - 3 - (value / top) * (height - 6);
  const points = values.map((value, n) => `${x(n).toFixed(1)},${y(value).toFixed(1)}`);
  const split = since === undefined ? -1 : durations.findIndex(([place]) => place >= since);
  const area = `2,${height - 1} ${points.join(" ")} ${x(values.length - 1)},${height - 1}`;
  return shape(
    "svg",
    { class: "spark", viewBox: `0 0 ${width} ${height}`, width, height, role: "img",
      "aria-label": `from ${durationText(values[0], true)} to ${durationText(values[values.length - 1], true)}` },
    shape("polygon", { points: area, class: "area" }),
    split > 0 ? shape("line", { x1: x(split - 0.5), x2: x(split - 0.5), y1: 0, y2: height, class: "split" }) : null,
    shape("polyline", { points: points.join(" "), class: "line" }),
    shape("circle", { cx: x(values.length - 1), cy: y(values[values.length - 1]), r: 2.2, class: "dot" }),
  );
}

/** Returns the number of bad and of all results of a session. */
function badOf(sessions, place) {
  const outcomes = sessions.outcomes[place];
  const all = Object.values(outcomes).reduce((sum, count) => sum + count, 0);
  return [(outcomes.failed || 0) + (outcomes.error || 0), all];
}

/** Returns what a session was, in a line. */
function sessionText(sessions, place) {
  const parts = [timeText(sessions.time[place]), codeText(sessions, place), outcomesText(sessions, place) || "no tests"];
  if (sessions.crashed[place]) parts.push("crashed");
  if (sessions.incident[place]) parts.push(`left out: ${sessions.incident[place]}`);
  return shownLine(parts.filter(Boolean).join(" · "));
}

/** Returns a bar for each session: how many of its tests failed. */
function sessionBars(sessions, height, cell) {
  const count = sessions.id.length;
  const worst = Math.max(1, ...sessions.id.map((_, place) => badOf(sessions, place)[0]));
  const made = shape("svg", { class: "bars", width: count * cell, height, viewBox: `0 0 ${count * cell} ${height}`,
    preserveAspectRatio: "none", "aria-hidden": "true" });
  for (let place = 0; place < count; place += 1) {
    const [bad, all] = badOf(sessions, place);
    const tall = bad ? Math.max(5, Math.sqrt(bad / worst) * (height - 1)) : 3;
    const kind = bad || sessions.crashed[place] ? "bad" : all ? "good" : "none";
    const left = sessions.incident[place] ? " out" : "";
    made.append(shape("rect", { x: place * cell, y: height - tall, width: Math.max(cell - 1, 1), height: tall,
      class: kind + left, "data-place": place }));
  }
  return made;
}
