// The pairs of the cohort, as the page carries them: column by column, so that a page of thousands stays small.
// A column is { key, title, head, shown, decimals? }; one without decimals holds text.
const CohortData = (function () {
  "use strict";
  const SEVERITIES = ["fine", "look", "bad"];
  const collator = new Intl.Collator("en", { numeric: true });

  function read() {
    const held = JSON.parse(document.getElementById("data").textContent);
    const at = new Map(held.columns.map((column, index) => [column.key, index]));
    const size = held.links.length;
    const values = (key) => held.values[at.get(key)];
    const searched = Array.from({ length: size }, (_, row) =>
      ["pair", "sessions", "flags"].map((key) => values(key)[row]).join(" ").toLowerCase());
    return { columns: held.columns, links: held.links, rules: held.rules, size, values, searched };
  }

  // The value as the table shows it.
  function shown(column, value) {
    if (value === null || value === undefined) return column.decimals === undefined ? "" : "–";
    if (column.decimals === undefined) return String(value);
    const text = value.toLocaleString("en", {
      minimumFractionDigits: column.decimals, maximumFractionDigits: column.decimals,
    });
    return text.replace("-", "−");
  }

  // The rows in the order of a column; what is absent comes last either way, and equal rows keep their order.
  function sorted(data, key, descending) {
    const values = data.values(key);
    const order = Array.from(values.keys());
    if (key === null) return order;
    const ranks = new Map(SEVERITIES.map((name, rank) => [name, rank]));
    const keys = key === "quality" ? values.map((value) => ranks.get(value)) : values;
    const absent = (value) => value === null || value === undefined || value === "";
    const compare = typeof keys.find((value) => !absent(value)) === "string"
      ? collator.compare : (a, b) => a - b;
    const sign = descending ? -1 : 1;
    return order.sort(function (a, b) {
      const first = absent(keys[a]), second = absent(keys[b]);
      if (first || second) return first - second || a - b;
      return sign * compare(keys[a], keys[b]) || a - b;
    });
  }

  // The rows of `order` that hold all words, are of the severity ("" any, "flagged" look or bad), carry the flag, and
  // have new lesions where that is asked for.
  function kept(data, order, wanted) {
    const words = wanted.words.toLowerCase().split(/\s+/).filter(Boolean);
    const quality = data.values("quality"), flags = data.values("flags"), count = data.values("new");
    return order.filter((row) =>
      words.every((word) => data.searched[row].includes(word)) &&
      (wanted.severity === "" || quality[row] === wanted.severity ||
        (wanted.severity === "flagged" && quality[row] !== "fine")) &&
      (wanted.flag === "" || flags[row].split("; ").includes(wanted.flag)) &&
      (!wanted.onlyNew || count[row] > 0));
  }

  return { read, shown, sorted, kept };
}());
