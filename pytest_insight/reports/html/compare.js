// What changed since the base of a comparison: by kind, tests that fail for one cause together.

const CHANGE_TONES = {
  "new-failure": "bad", "new-test-failing": "bad", "failing-differently": "bad", worse: "bad", flaky: "odd", "still-failing": "calm",
  fixed: "good", better: "good", "unexpected-pass": "warn", "expected-failure-again": "calm", slower: "warn", faster: "good",
  "new-test": "calm", renamed: "calm", gone: "warn",
};

function compareSection(suite, keep) {
  const found = page.data.comparison;
  if (!found || found.sut !== suite.sut) return null;
  const made = section("compare", `Against ${shownLine(found.base)}`, undefined);
  made.append(element("p.facts", {}, shownLine([found.head, ...found.counts].join(" · "))));
  const groups = found.groups.map((group) => ({ ...group, tests: group.tests.filter(([nodeid]) => keep.name(nodeid)) })).filter((group) => group.tests.length);
  if (groups.length) made.append(element("ul.list.changes", {}, groups.map((group) => changeGroup(suite, group))));
  else made.append(element("p.empty", {}, found.groups.length ? "No changed test matches the filter." : "Nothing changed."));
  for (const note of found.notes) made.append(element("p.facts", {}, shownLine(note)));
  return made;
}

function changeGroup(suite, group) {
  const listed = group.tests.slice(0, MOST_TESTS_LISTED).map(([nodeid, detail, before]) => {
    const more = [before ? `was ${before}` : "", detail].filter(Boolean).join(", ");
    const number = suite.numbers.get(nodeid);
    const name = number === undefined ? nodeidElement(nodeid) : testLink(suite, number);
    return element("li", {}, name, more ? element("span.evidence", {}, shownLine(more)) : null);
  });
  if (group.tests.length > MOST_TESTS_LISTED) listed.push(element("li.more", {}, `and ${group.tests.length - MOST_TESTS_LISTED} more`));
  const said = group.message ? element("bdi.said", {}, shownLine(group.message), element("code.place", {}, shownLine(group.crash))) : null;
  return element(
    "li",
    {},
    element(`span.pill.${CHANGE_TONES[group.change] || "calm"}`, {}, group.change),
    element("div.what", {}, said, element("ul.tests", {}, listed)),
  );
}
