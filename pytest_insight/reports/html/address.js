// The state of the page in its address, so that a link can be shared: #sut=...&filter=...&test=...

const address = {
  read() {
    const given = new URLSearchParams(location.hash.slice(1));
    return { sut: given.get("sut"), filter: given.get("filter") || "", test: given.get("test") };
  },

  /** Returns the address with some of its parts changed; null leaves one out. */
  with(changes) {
    const parts = { ...address.read(), ...changes };
    const hash = Object.entries(parts)
      .filter(([, value]) => value)
      .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
      .join("&");
    return `#${hash}`;
  },

  /** Changes parts of the address; the page follows. With `quietly`, "back" does not undo it. */
  go(changes, quietly = false) {
    const hash = address.with(changes);
    if (hash === (location.hash || "#")) return;
    history[quietly ? "replaceState" : "pushState"](null, "", hash);
    dispatchEvent(new HashChangeEvent("hashchange"));
  },
};
