// The table as comma-separated values (RFC 4180): what is shown, in the order in which it is shown.
const CohortCsv = (function () {
  "use strict";
  // Text that a spreadsheet would take for a formula gets an apostrophe before it; numbers never do.
  function cell(value) {
    if (value === null || value === undefined) return "";
    if (typeof value === "number") return String(value);
    const safe = /^[=+\-@\t\r]/.test(value) ? "'" + value : value;
    return /[",\r\n]/.test(safe) ? '"' + safe.replaceAll('"', '""') + '"' : safe;
  }

  function text(columns, rows, values) {
    const lines = [columns.map((column) => cell(column.title))];
    for (const row of rows) lines.push(columns.map((column) => cell(values(column.key)[row])));
    return lines.map((line) => line.join(",")).join("\r\n") + "\r\n";
  }

  function save(content, name) {
    // The mark at the beginning tells spreadsheets that this is UTF-8.
    const address = URL.createObjectURL(new Blob(["\ufeff", content], { type: "text/csv;charset=utf-8" }));
    const link = document.createElement("a");
    link.href = address;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 0);
  }

  return { text, save };
}());
