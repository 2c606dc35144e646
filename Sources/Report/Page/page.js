const source = document.getElementById("document");
const isLive = source.dataset.live === "true";

/** Whether the page is dark, by the reader's choice or the system's. */
function isDark() {
  const { theme } = document.documentElement.dataset;
  return theme ? theme === "dark" : window.matchMedia("(prefers-color-scheme: dark)").matches;
}

/** The whole page: header, comparison, all runs, one run. */
class Page {
  constructor() {
    this.index = 0;
    this.comparison = new ComparisonView();
    this.runs = new SortableTable("All runs");
    this.select = element("select", {
      id: "run", onchange: () => {
        cursor.point({ step: null, replica: null });
        this.index = Number(this.select.value);
        this.showRun();
      },
    });
    this.overview = element("section", { id: "runs", "aria-labelledby": "runs-title" },
      element("h2", { id: "runs-title" }, "Runs"), this.runs.node,
      element("p", { class: "controls" }, element("label", {}, "Show run ", this.select)));
    this.run = new RunView();
    document.getElementById("content").replaceChildren(
      this.comparison.node, this.overview, this.run.node);
  }

  /** Shows a document, keeping what the reader has chosen. */
  update(report) {
    this.report = report;
    const runs = list(report.runs);
    const title = String(report.title ?? "SelfGAN report");
    document.title = title;
    document.getElementById("title").textContent = title;
    document.getElementById("subtitle").textContent =
      runs.length === 1 ? `${runs[0].name}: ${runState(runs[0])}` : counted(runs.length, "run");
    document.getElementById("colophon").textContent =
      [report.program, report.generated].filter(Boolean).join(", ");
    this.comparison.update(report.comparison);
    this.overview.hidden = runs.length < 2;
    this.showOverview(runs);
    this.run.node.hidden = runs.length === 0;
    if (runs.length > 0) this.showRun();
  }

  /** How far every run is. */
  showOverview(runs) {
    if (runs.length < 2) return;
    const columns = [
      ["Run", false], ["Replicas", true], ["Last step", true], ["State", false], ["Problems", true],
    ].map(([name, numeric]) => ({ name, numeric }));
    this.runs.update({
      columns,
      rows: runs.map((run) => [
        String(run.name), run.replicas ?? null, run.lastStep ?? null, runProgress(run),
        list(run.problems).length,
      ]),
    });
    const names = JSON.stringify(runs.map(({ name }) => name));
    if (names === this.names) return;
    this.names = names;
    this.index = Math.min(this.index, runs.length - 1);
    this.select.replaceChildren(...runs.map(({ name }, value) =>
      element("option", { value }, String(name))));
    this.select.value = this.index;
  }

  showRun() {
    const runs = list(this.report.runs);
    this.index = Math.min(this.index, runs.length - 1);
    this.run.update(runs, this.index);
    const sections = [
      { id: "comparison", title: "Comparison", isShown: !this.comparison.node.hidden },
      { id: "runs", title: "Runs", isShown: !this.overview.hidden }, ...this.run.sections,
    ].filter(({ isShown }) => isShown);
    const ids = sections.map(({ id }) => id).join(" ");
    if (ids === this.sectionIDs) return;
    this.sectionIDs = ids;
    document.getElementById("sections").replaceChildren(element("ul", {}, sections.map(
      ({ id, title }) => element("li", {}, element("a", { href: `#${id}` }, title)))));
  }
}

/** Light, dark, or as the system has it; `?theme=dark` chooses too. Paper is always light. */
function prepareTheme(redraw) {
  const button = document.getElementById("theme");
  const root = document.documentElement;
  const apply = (theme) => {
    if (theme) root.dataset.theme = theme;
    else delete root.dataset.theme;
    redraw();
  };
  const name = () => {
    button.textContent = isDark() ? "Light page" : "Dark page";
  };
  const asked = new URLSearchParams(window.location.search).get("theme");
  if (["light", "dark"].includes(asked)) root.dataset.theme = asked;
  button.addEventListener("click", () => {
    apply(isDark() ? "light" : "dark");
    name();
  });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    redraw();
    name();
  });
  let beforePrint;
  window.addEventListener("beforeprint", () => {
    beforePrint = root.dataset.theme;
    apply("light");
  });
  window.addEventListener("afterprint", () => apply(beforePrint));
  name();
}
