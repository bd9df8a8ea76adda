// Keys: / filters, j and k move, Enter opens, Escape closes, ? lists the keys.

const KEYS = [
  ["/", "filter the tests"],
  ["j k ↓ ↑", "next, previous test"],
  ["Enter", "open the test"],
  ["← →", "in an open test: the one before, the one after"],
  ["Esc", "close; clear the filter"],
  ["?", "these keys"],
];

function isTyping(event) {
  return event.target.matches("input, textarea, select");
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const filter = document.getElementById("filter");
  const details = document.getElementById("details");
  if (event.key === "Escape" && event.target === filter) {
    filter.value = "";
    filter.dispatchEvent(new Event("input"));
    filter.blur();
  } else if (isTyping(event)) {
    if (event.key !== "Enter") return;
    filter.blur();
    page.matrix.view.focus();
    page.matrix.move(page.matrix.current < 0 ? 1 : 0);
  } else if (event.key === "/") {
    address.go({ test: null });
    filter.focus();
    filter.select();
  } else if (event.key === "?") {
    openHelp();
  } else if (details.open && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
    page.step(event.key === "ArrowLeft" ? -1 : 1);
  } else if ("jk".includes(event.key) && !details.open) {
    page.matrix.view.focus();
    page.matrix.move(event.key === "j" ? 1 : -1);
  } else {
    return;
  }
  event.preventDefault();
}

function openHelp() {
  const help = document.getElementById("help");
  const rows = KEYS.map(([keys, what]) => element("tr", {}, element("td", {}, keys.split(" ").map((key) => element("kbd", {}, key))), element("td", {}, what)));
  help.replaceChildren(element("h2", {}, "Keys"), element("table", {}, element("tbody", {}, rows)));
  if (!help.open) help.showModal();
}
