// All tests by all runs. Only the rows on the screen are in the document: 50,000 tests are usual.

const ROW = 22;
const HEAD = 64;
const SPARE = 10;

class Matrix {
  constructor(suite) {
    this.suite = suite;
    this.sessions = suite.sessions;
    this.numbers = suite.tests.nodeid.map((_, number) => number);
    this.byName = false;
    this.printed = 0;
    this.current = -1;
    this.rows = new Map();
    this.head = element("div.head");
    this.body = element("div.rows");
    this.beam = element("div.beam", { hidden: true });
    this.view = element("div.view", { tabindex: 0, role: "listbox", "aria-label": "All tests", id: "view" }, this.head, this.body, this.beam);
    this.count = element("span.count");
    this.order = element("button.quiet", { type: "button", onclick: () => this.sort() });
    this.element = element(
      "section",
      { id: "tests", "aria-label": "All tests" },
      element("h2", {}, "All tests", this.count, this.order),
      this.view,
      legend(suite.tests.rows),
    );
    this.view.addEventListener("scroll", () => this.later(), { passive: true });
    this.view.addEventListener("mousemove", (event) => this.point(event));
    this.view.addEventListener("mouseleave", () => this.point(null));
    this.view.addEventListener("click", (event) => this.click(event));
    this.view.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.resize()).observe(this.view);
    this.label();
  }

  label() {
    this.order.textContent = this.byName ? "Sort the worst first" : "Sort by name";
    this.count.textContent = this.numbers.length.toLocaleString("en");
  }

  sort() {
    this.byName = !this.byName;
    this.show(this.numbers);
  }

  /** Shows these tests. */
  show(numbers) {
    const { nodeid } = this.suite.tests;
    this.numbers = [...numbers].sort((one, other) => {
      if (!this.byName) return one - other;
      return nodeid[one] < nodeid[other] ? -1 : 1;
    });
    this.current = Math.min(this.current, numbers.length - 1);
    this.label();
    this.clear();
    this.resize();
  }

  clear() {
    this.body.replaceChildren();
    this.rows.clear();
  }

  resize() {
    const width = this.view.clientWidth;
    const count = this.sessions.id.length;
    if (!width) return;
    const first = this.cell === undefined;
    const least = Math.round(Math.max(150, Math.min(width * 0.42, 460)));
    this.cell = Math.max(9, Math.min(16, Math.floor((width - least - 12) / Math.max(count, 1))));
    this.nameWidth = Math.max(least, Math.min(720, width - count * this.cell - 12));
    this.width = Math.max(this.nameWidth + count * this.cell + 12, width);
    this.view.style.setProperty("--cell", `${this.cell}px`);
    this.view.style.setProperty("--name", `${this.nameWidth}px`);
    this.view.style.height = `${Math.min(HEAD + Math.max(this.numbers.length, 3) * ROW + 18, Math.max(300, innerHeight * 0.78))}px`;
    this.body.style.height = `${this.numbers.length * ROW}px`;
    this.body.style.width = this.head.style.width = `${this.width}px`;
    this.drawHead();
    if (first) this.view.scrollLeft = this.width; // the newest run
    this.draw();
  }

  drawHead() {
    const { time } = this.sessions;
    const labels = element("div.days");
    let free = 0;
    let day = "";
    for (let place = 0; place < time.length; place += 1) {
      const text = dayText(time[place]);
      const left = place * this.cell;
      if (text !== day && left >= free) {
        day = text;
        free = left + 52;
        labels.append(element("span", { style: `left:${left}px` }, text));
      }
    }
    const bars = sessionBars(this.sessions, 30, this.cell);
    this.head.replaceChildren(element("div.corner", {}, "failures per run"), element("div.times", { style: `width:${time.length * this.cell}px` }, labels, bars));
  }

  later() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.draw();
    });
  }

  /** Draws this many rows for a printer; 0 for those on the screen. */
  print(count) {
    this.printed = count;
    this.draw();
  }

  draw() {
    const all = this.printed;
    const top = Math.max(0, Math.floor(this.view.scrollTop / ROW) - SPARE);
    const seen = Math.ceil(this.view.clientHeight / ROW) + 2 * SPARE;
    const first = all ? 0 : top;
    const last = Math.min(this.numbers.length, all || top + seen);
    for (const [at, row] of this.rows) {
      if (at < first || at >= last) {
        row.remove();
        this.rows.delete(at);
      }
    }
    for (let at = first; at < last; at += 1) {
      if (this.rows.has(at)) continue;
      const row = this.makeRow(at);
      this.rows.set(at, row);
      this.body.append(row);
    }
    if (!this.numbers.length && !this.body.children.length) {
      this.body.append(element("p.empty", {}, this.suite.tests.nodeid.length ? "No test matches the filter." : "No test was run."));
    }
    this.mark();
  }

  makeRow(at) {
    const number = this.numbers[at];
    const verdict = verdictOf(this.suite, number);
    const nodeid = this.suite.tests.nodeid[number];
    return element(
      "div.line",
      { style: `top:${at * ROW}px`, role: "option", id: `row-${at}`, "data-at": at, "aria-label": `${shownLine(nodeid)}: ${verdict}` },
      element(`div.label.${toneOf(this.suite, number)}`, {}, nodeidElement(nodeid)),
      runRow(this.suite.rows(number), "div.row"),
    );
  }

  mark() {
    for (const [at, row] of this.rows) {
      row.classList.toggle("current", at === this.current);
      row.setAttribute("aria-selected", at === this.current);
    }
    if (this.current >= 0) this.view.setAttribute("aria-activedescendant", `row-${this.current}`);
  }

  /** Returns the session under the mouse; -1 if there is none. */
  placeAt(event) {
    const x = event.clientX - this.view.getBoundingClientRect().left + this.view.scrollLeft - this.nameWidth;
    const overNames = event.clientX - this.view.getBoundingClientRect().left < this.nameWidth;
    const place = Math.floor(x / this.cell);
    return !overNames && place >= 0 && place < this.sessions.id.length ? place : -1;
  }

  point(event) {
    const place = event ? this.placeAt(event) : -1;
    this.beam.hidden = place < 0;
    if (place < 0) {
      tip.hide();
      return;
    }
    this.beam.style.left = `${this.nameWidth + place * this.cell}px`;
    this.beam.style.height = `${HEAD + this.numbers.length * ROW}px`;
    const line = event.target.closest(".line");
    const lines = [sessionText(this.sessions, place)];
    if (line) {
      const row = this.suite.rows(this.numbers[Number(line.dataset.at)]);
      lines.unshift((OUTCOMES[row[place]] || OUTCOMES["?"])[2]);
    }
    tip.show(event, lines);
  }

  click(event) {
    const line = event.target.closest(".line");
    if (!line || String(getSelection())) return;
    this.current = Number(line.dataset.at);
    this.mark();
    this.open();
  }

  open() {
    const number = this.numbers[this.current];
    if (number !== undefined) address.go({ test: this.suite.tests.nodeid[number] });
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor((this.view.clientHeight - HEAD) / ROW) - 1);
    const steps = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.key === "Enter") this.open();
    else if (event.key in steps) this.move(steps[event.key]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  move(step) {
    this.current = Math.max(0, Math.min(this.numbers.length - 1, this.current + step));
    const top = this.current * ROW;
    const room = this.view.clientHeight - HEAD - ROW - 16;
    if (top < this.view.scrollTop) this.view.scrollTop = top;
    else if (top > this.view.scrollTop + room) this.view.scrollTop = top - room;
    this.draw();
  }
}

const tip = {
  show(event, lines) {
    const box = document.getElementById("tip");
    box.replaceChildren(...lines.map((line) => element("div", {}, line)));
    box.hidden = false;
    const left = Math.min(event.clientX + 14, innerWidth - box.offsetWidth - 8);
    const below = event.clientY + 20 + box.offsetHeight < innerHeight;
    box.style.left = `${Math.max(8, left)}px`;
    box.style.top = `${below ? event.clientY + 18 : event.clientY - box.offsetHeight - 10}px`;
  },
  hide() {
    document.getElementById("tip").hidden = true;
  },
};
