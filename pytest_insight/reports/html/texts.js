// Texts for people: names, times, durations, counts.

// What a terminal or a browser would act on instead of showing it; as in pytest_insight._util.
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** Returns a text with its control characters escaped; line breaks and tabs are kept. */
function shown(text) {
  return text.replace(CONTROLS, (found) => {
    const code = found.charCodeAt(0);
    if (code === 13) return "\\r";
    return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

/** Returns a text on one line. */
function shownLine(text) {
  return shown(text).replace(/[\n\t]/g, (found) => (found === "\n" ? "\\n" : "\\t"));
}

/** Returns a nodeid as an element: if it is too long, the folder is cut first, then file and class. */
function nodeidElement(nodeid) {
  const name = shownLine(nodeid);
  const file = name.split("::", 1)[0];
  const folder = file.slice(0, file.lastIndexOf("/") + 1);
  const parents = name.split("[", 1)[0].lastIndexOf("::");
  const inFile = parents < 0 ? "" : name.slice(folder.length, parents + 2);
  return element(
    "bdi.nodeid",
    { title: name.slice(0, 1000) },
    folder ? element("span.folder", {}, folder) : null,
    inFile ? element("span.file", {}, inFile) : null,
    element("span.name", {}, name.slice(folder.length + inFile.length)),
  );
}

/** Returns the outcomes of a session as pytest's closing line has them: "2 failed, 2 errors". */
function outcomesText(sessions, place) {
  return Object.entries(sessions.outcomes[place]).map(([name, count]) => (name === "error" ? plural(count, name) : `${count.toLocaleString("en")} ${name}`)).join(", ");
}

function plural(count, noun) {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

/** Returns a duration; of one that is compared, a few milliseconds have a decimal. */
function durationText(seconds, isCompared = false) {
  if (seconds < 0.0005) return "<1 ms";
  if (isCompared && seconds < 0.00995) return `${(seconds * 1000).toFixed(1)} ms`;
  if (seconds < 0.1) return `${(seconds * 1000).toFixed(0)} ms`;
  if (seconds < 10) return `${seconds.toFixed(2)} s`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}m${String(whole % 60).padStart(2, "0")}s`;
  return `${Math.floor(minutes / 60)}h${String(minutes % 60).padStart(2, "0")}m`;
}

const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const DAY_AND_YEAR = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

function dayText(time) {
  return DAY.format(time * 1000);
}

function timeText(time) {
  return `${DAY_AND_YEAR.format(time * 1000)}, ${CLOCK.format(time * 1000)}`;
}

function ratioText(ratio) {
  return ratio < 10 ? `${ratio.toFixed(1)}×` : `${Math.round(ratio).toLocaleString("en")}×`;
}

function sinceText(since) {
  return since.commit ? since.commit.slice(0, 7) : dayText(since.time);
}

/** Returns the tested code of a session: "main ec825d4 + changes". */
function codeText(sessions, place) {
  const changed = sessions.changed[place] ? "+ changes" : "";
  return [sessions.branch[place], sessions.commit[place].slice(0, 7), changed].filter(Boolean).join(" ");
}
