// What the controls above the table do.
(function () {
  "use strict";
  document.documentElement.classList.add("js");
  window.addEventListener("beforeprint", function () {
    for (const part of document.querySelectorAll("details")) part.open = true;
  });
  const box = document.getElementById("pairs-box");
  if (!box) return;
  const data = CohortData.read();
  const table = new CohortTable.Table(data, box);
  const find = document.getElementById("find");
  const severity = document.getElementById("severity");
  const flag = document.getElementById("flag");
  const onlyNew = document.getElementById("only-new");
  const count = document.getElementById("count");
  const choice = document.getElementById("columns");

  function update() {
    const wanted = { words: find.value, severity: severity.value, flag: flag.value, onlyNew: onlyNew.checked };
    const rows = CohortData.kept(data, table.order(), wanted);
    table.show(rows);
    count.textContent = rows.length === data.size ? `${data.size} pairs` : `${rows.length} of ${data.size} pairs`;
  }

  function chosen() {
    const keys = new Set(Array.from(choice.querySelectorAll("input:checked"), (input) => input.value));
    return data.columns.filter((column) => keys.has(column.key));
  }

  for (const rule of data.rules) {
    flag.append(CohortTable.create("option", { value: rule.name }, `${rule.name} (${rule.count})`));
  }
  for (const column of data.columns) {
    const input = CohortTable.create("input", { type: "checkbox", value: column.key });
    input.checked = column.shown;
    input.disabled = column.key === "pair";
    choice.append(CohortTable.create("label", {}, input, ` ${column.title}`));
  }
  table.onchange = update;
  find.addEventListener("input", update);
  for (const control of [severity, flag, onlyNew]) control.addEventListener("change", update);
  choice.addEventListener("change", () => table.showColumns(chosen()));
  document.getElementById("export").addEventListener("click", function () {
    CohortCsv.save(CohortCsv.text(table.columns, table.rows, data.values), "newlesions.csv");
  });
  table.showColumns(table.columns);
  update();
}());
