const markText = { high: ["▲", "high"], low: ["▼", "low"], note: ["●", "noted"] };

/** A table whose rows are sorted by the buttons of its head. Missing values come last. */
class SortableTable {
  constructor(caption) {
    this.sorting = null; // {column, descending}
    this.head = element("thead");
    this.body = element("tbody");
    this.caption = element("caption", {}, spoken(caption));
    this.node = element("div", { class: "scroll", role: "region", tabindex: 0, "aria-label": caption },
      element("table", {}, this.caption, this.head, this.body));
  }

  /** Takes a table of the document: columns, rows, marks. Sorting stays where columns do. */
  update(table) {
    const columns = list(table.columns);
    const names = JSON.stringify(columns);
    this.columns = columns;
    this.rows = list(table.rows).map(list);
    this.marks = new Map(list(table.marks).map(([row, column, kind]) => [`${row} ${column}`, kind]));
    if (names !== this.names) {
      this.names = names;
      this.sorting = null;
      this.head.replaceChildren(element("tr", {}, columns.map((column, index) =>
        element("th", { scope: "col", class: column.numeric ? "number" : "" },
          element("button", { type: "button", onclick: () => this.sort(index) },
            String(column.name ?? ""))))));
    }
    this.fill();
  }

  sort(column) {
    const again = this.sorting?.column === column;
    const first = Boolean(this.columns[column].numeric);
    this.sorting = { column, descending: again ? !this.sorting.descending : first };
    this.fill();
  }

  fill() {
    const order = this.rows.map((_, index) => index);
    if (this.sorting) {
      const { column, descending } = this.sorting;
      const missing = (row) => this.rows[row][column] === null || this.rows[row][column] === undefined;
      order.sort((a, b) => {
        if (missing(a) || missing(b)) return missing(a) - missing(b);
        return (descending ? -1 : 1) * compared(this.rows[a][column], this.rows[b][column]);
      });
    }
    [...this.head.querySelectorAll("th")].forEach((cell, index) => {
      if (index !== this.sorting?.column) cell.removeAttribute("aria-sort");
      else cell.setAttribute("aria-sort", this.sorting.descending ? "descending" : "ascending");
    });
    this.body.replaceChildren(...order.map((row) => element("tr", {}, this.cells(row))));
  }

  cells(row) {
    return this.columns.map((column, index) => {
      const [sign, word] = markText[this.marks.get(`${row} ${index}`)] ?? [];
      const mark = sign
        ? [element("span", { class: `mark ${word}`, "aria-hidden": "true" }, sign), spoken(`(${word})`)]
        : [];
      return element("td", { class: column.numeric ? "number" : "" },
        mark, textOf(this.rows[row][index] ?? null));
    });
  }
}

function compared(a, b) {
  return typeof a === "number" && typeof b === "number"
    ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
}

/** The tables of a document under their titles, with notes and the meaning of their columns. */
class TableList {
  constructor(level) {
    this.level = level;
    this.node = element("div", { class: "tables" });
    this.shown = [];
  }

  update(tables) {
    const titles = JSON.stringify(tables.map(({ title }) => title));
    if (titles !== this.titles) {
      this.titles = titles;
      this.shown = tables.map(({ title }) => {
        const table = new SortableTable(String(title ?? "Table"));
        const note = element("p", { class: "note" });
        const help = element("div", { class: "help" });
        return {
          table, note, help,
          node: element("section", {},
            element(`h${this.level}`, {}, String(title ?? "Table")), note, table.node, help),
        };
      });
      this.node.replaceChildren(...this.shown.map(({ node }) => node));
    }
    tables.forEach((table, index) => {
      const shown = this.shown[index];
      const text = JSON.stringify(table);
      if (text === shown.text) return;
      shown.text = text;
      shown.note.textContent = table.note ?? "";
      const helped = list(table.columns).filter(({ help }) => help);
      shown.help.replaceChildren(...(helped.length === 0 ? [] : [
        element("details", {}, element("summary", {}, "What the columns mean"),
          definitions(helped.map(({ name, help }) => [name, help])))]));
      shown.table.update(table);
    });
  }
}
