// The table of pairs. Only the rows in sight are in the document, so that thousands of pairs scroll and sort at once.
const CohortTable = (function () {
  "use strict";
  const BEYOND = 12; // rows above and below those in sight

  function create(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  class Table {
    constructor(data, box) {
      this.data = data;
      this.box = box;
      this.table = box.querySelector("table");
      this.columns = data.columns.filter((column) => column.shown);
      this.sorting = { key: null, descending: false };
      this.rows = Array.from({ length: data.size }, (_, row) => row);
      this.drawn = new Map();
      this.height = 30; // of a row, and
      this.tall = 600; // of the box, in pixels: read where they may change, since reading makes the browser lay out
      this.above = create("tr", { "aria-hidden": "true", class: "space" });
      this.below = create("tr", { "aria-hidden": "true", class: "space" });
      box.addEventListener("scroll", () => this.draw(), { passive: true });
      window.addEventListener("resize", () => this.measure());
      window.addEventListener("beforeprint", () => this.draw(true));
      window.addEventListener("afterprint", () => this.draw());
    }

    // Columns have fixed widths: those of all their values, not of the few in sight.
    showColumns(columns) {
      this.columns = columns;
      const group = create("colgroup", {});
      let total = 0;
      for (const column of columns) {
        let most = column.head.length + 2;
        for (const value of this.data.values(column.key)) {
          most = Math.max(most, CohortData.shown(column, value).length);
        }
        const width = Math.min(most, 36) + 2;
        total += width;
        group.append(create("col", { style: `width:${width}ch` }));
      }
      this.table.style.minWidth = `${total}ch`;
      this.table.querySelector("colgroup").replaceWith(group);
      this.table.tHead.rows[0].replaceChildren(...columns.map((column) => this.head(column)));
      this.redraw(this.box.scrollTop);
      this.measure();
    }

    head(column) {
      const button = create("button", { type: "button", title: column.title }, column.head);
      const head = create("th", { scope: "col", "data-key": column.key }, button);
      if (column.decimals !== undefined) head.className = "n";
      if (this.sorting.key === column.key) {
        head.setAttribute("aria-sort", this.sorting.descending ? "descending" : "ascending");
      }
      button.addEventListener("click", () => this.sortBy(column));
      return head;
    }

    // Numbers and quality come with the highest, or worst, first; text comes from A to Z. A second click turns round.
    sortBy(column) {
      const first = column.decimals !== undefined || column.key === "quality";
      const again = this.sorting.key === column.key;
      this.sorting = { key: column.key, descending: again ? !this.sorting.descending : first };
      for (const head of this.table.tHead.rows[0].cells) {
        if (head.dataset.key !== column.key) head.removeAttribute("aria-sort");
        else head.setAttribute("aria-sort", this.sorting.descending ? "descending" : "ascending");
      }
      this.onchange();
    }

    order() {
      if (this.sorting.key === null) return Array.from({ length: this.data.size }, (_, row) => row);
      return CohortData.sorted(this.data, this.sorting.key, this.sorting.descending);
    }

    show(rows) {
      this.rows = rows;
      this.table.setAttribute("aria-rowcount", rows.length + 1);
      this.redraw(0);
      this.box.scrollTop = 0;
    }

    redraw(scrolled) {
      this.drawn.clear();
      this.table.tBodies[0].replaceChildren(this.above, this.below);
      for (const space of [this.above, this.below]) {
        space.replaceChildren(create("td", { colspan: this.columns.length }));
      }
      this.draw(false, scrolled);
    }

    // Put the rows in sight between the two spaces. Rows that stay in sight stay the same elements, and keep the focus.
    draw(all = false, scrolled = this.box.scrollTop) {
      const count = this.rows.length;
      const top = Math.floor(scrolled / this.height);
      const tall = Math.ceil(this.tall / this.height);
      const first = all ? 0 : Math.max(0, Math.min(top, count) - BEYOND);
      const end = all ? count : Math.min(count, top + tall + BEYOND);
      for (const [place, row] of this.drawn) {
        if (place < first || place >= end) {
          row.remove();
          this.drawn.delete(place);
        }
      }
      let next = this.below;
      for (let place = end - 1; place >= first; place -= 1) {
        let row = this.drawn.get(place);
        if (!row) {
          row = this.row(place);
          this.drawn.set(place, row);
          next.before(row);
        }
        next = row;
      }
      this.above.firstChild.style.height = `${first * this.height}px`;
      this.below.firstChild.style.height = `${(count - end) * this.height}px`;
    }

    measure() {
      const row = this.drawn.values().next().value;
      const height = row ? row.getBoundingClientRect().height : 0;
      if (height > 0) this.height = height;
      this.tall = this.box.clientHeight;
      this.draw();
    }

    row(place) {
      const at = this.rows[place];
      const made = create("tr", { "aria-rowindex": place + 2 });
      for (const column of this.columns) made.append(this.cell(column, at));
      return made;
    }

    cell(column, at) {
      const value = this.data.values(column.key)[at];
      const text = CohortData.shown(column, value);
      if (column.key === "pair") {
        return create("th", { scope: "row" }, create("a", { href: this.data.links[at] }, text));
      }
      if (column.key === "quality") {
        const mark = { fine: "✓ fine", look: "! look", bad: "✕ bad" }[value];
        return create("td", { class: `v s-${value}` }, mark);
      }
      const cell = create("td", {}, text);
      if (column.decimals !== undefined) cell.className = column.key === "new" && value > 0 ? "n some" : "n";
      else cell.title = text;
      return cell;
    }
  }

  return { Table, create };
}());
