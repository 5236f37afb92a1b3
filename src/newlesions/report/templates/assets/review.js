// The list of lesions: sorting, going through them, marks with comments that the browser keeps, and their export.
(function () {
  "use strict";
  const { data } = window.newlesions;
  const MARKS = { a: "accept", r: "reject", u: "unsure" };
  const WORDS = { accept: "accepted", reject: "rejected", unsure: "unsure" };
  const KEY = "newlesions-review:" + data.results;
  const table = document.getElementById("lesion-list");
  const body = table.tBodies[0];
  const rows = () => Array.from(body.rows);
  const said = document.getElementById("review-said");
  const points = Object.fromEntries(data.lesions.map((lesion) => [lesion.id, lesion.point]));
  let marks = read();
  let current = null;

  function read() {
    try {
      return JSON.parse(localStorage.getItem(KEY)) || {};
    } catch (error) {
      return {};  // a browser that keeps nothing says so when the first mark is set
    }
  }

  function keep() {
    try {
      localStorage.setItem(KEY, JSON.stringify(marks));
      return "Kept in this browser.";
    } catch (error) {
      return "This browser keeps nothing: export the marks before you leave the page.";
    }
  }

  const markOf = (id) => marks[id] || { review: "", comment: "" };

  function change(id, values) {
    marks[id] = { ...markOf(id), ...values };
    if (!marks[id].review && !marks[id].comment) delete marks[id];
    const kept = keep();
    show();
    const done = data.lesions.filter((lesion) => markOf(lesion.id).review).length;
    said.textContent = `${done} of ${data.lesions.length} marked. ${kept}`;
  }

  /** Bring buttons, comments and the cards' words in line with the marks. */
  function show() {
    for (const row of rows()) {
      const mark = markOf(row.dataset.id);
      row.dataset.review = mark.review;
      for (const button of row.querySelectorAll("[data-mark]")) {
        button.setAttribute("aria-pressed", String(button.dataset.mark === mark.review));
      }
      const field = row.querySelector("input");
      if (field.value !== mark.comment) field.value = mark.comment;
      const words = document.querySelector(`#lesion-${row.dataset.id} .reviewed`);
      if (words) {
        words.textContent = [WORDS[mark.review] ? "Review: " + WORDS[mark.review] : "", mark.comment].filter(Boolean).join(" – ");
        words.hidden = !words.textContent;
      }
    }
  }

  function select(row) {
    if (!row) return;
    current = row.dataset.id;
    for (const each of rows()) {
      if (each === row) each.setAttribute("aria-current", "true");
      else each.removeAttribute("aria-current");
    }
    reveal(row);
    document.dispatchEvent(new CustomEvent("lesion", { detail: { id: current, point: points[current] } }));
  }

  /** Scroll the list, and not the page: who goes through the lesions looks at the views. */
  function reveal(row) {
    const [list, head] = [table.closest(".list"), table.tHead.offsetHeight];
    if (row.offsetTop < list.scrollTop + head) list.scrollTop = row.offsetTop - head;
    const below = row.offsetTop + row.offsetHeight - list.clientHeight;
    if (below > list.scrollTop) list.scrollTop = below;
  }

  function step(by) {
    const all = rows();
    const at = all.findIndex((row) => row.dataset.id === current);
    select(at < 0 ? all[by > 0 ? 0 : all.length - 1] : all[(at + by + all.length) % all.length]);
  }

  function toggle(id, review) {
    change(id, { review: markOf(id).review === review ? "" : review });
  }

  function sort(button) {
    const head = button.closest("th");
    const column = head.cellIndex;
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const each of head.parentNode.cells) each.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const value = (row) => (column === REVIEW ? row.dataset.review : row.cells[column].dataset.value);
    const order = (one, two) => {
      const [first, second] = [value(one), value(two)];
      if (first === second) return one.dataset.id - two.dataset.id;
      if (first === "" || second === "") return first === "" ? 1 : -1;  // what is missing comes last, either way
      const numbers = Number(first) - Number(second);
      return (Number.isNaN(numbers) ? first.localeCompare(second) : numbers) * (down ? -1 : 1);
    };
    body.append(...rows().sort(order));
  }
  const REVIEW = table.querySelector("th.review").cellIndex;

  function tsv() {
    const plain = (text) => text.replace(/\s+/g, " ").trim();
    const lines = data.lesions.map((lesion) => [data.pair, data.results, lesion.id, lesion.kind,
      markOf(lesion.id).review, plain(markOf(lesion.id).comment)]);
    return [["pair", "results", "id", "kind", "review", "comment"], ...lines].map((line) => line.join("\t") + "\n").join("");
  }

  function save() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([tsv()], { type: "text/tab-separated-values" }));
    link.download = data.pair + "_review.tsv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  table.tHead.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) sort(button);
  });
  body.addEventListener("click", (event) => {
    const row = event.target.closest("tr");
    const mark = event.target.closest("[data-mark]");
    if (mark) toggle(row.dataset.id, mark.dataset.mark);
    if (!event.target.closest("input")) select(row);
  });
  body.addEventListener("input", (event) => {
    change(event.target.closest("tr").dataset.id, { comment: event.target.value });
  });
  for (const button of document.querySelectorAll("[data-view]")) {
    button.addEventListener("click", () => {
      select(rows().find((row) => row.dataset.id === button.dataset.view));
      document.querySelector("#viewer .views").scrollIntoView({ block: "center" });
    });
  }
  document.getElementById("next").addEventListener("click", () => step(1));
  document.getElementById("previous").addEventListener("click", () => step(-1));
  document.getElementById("export").addEventListener("click", save);
  document.getElementById("clear").addEventListener("click", () => {
    if (!window.confirm("Remove all marks and comments of this pair from this browser?")) return;
    marks = {};
    said.textContent = keep();
    show();
  });
  document.addEventListener("keydown", (event) => {
    if (!window.newlesions.listening(event)) return;
    if (event.key === "n") step(1);
    else if (event.key === "p") step(-1);
    else if (event.key in MARKS && current) toggle(current, MARKS[event.key]);
    else if (event.key === "c" && current) {
      rows().find((row) => row.dataset.id === current).querySelector("input").focus();
      event.preventDefault();
    }
  }, true);
  // The same pair may be open in another window.
  window.addEventListener("storage", (event) => { if (event.key === KEY) { marks = read(); show(); } });
  show();
}());
