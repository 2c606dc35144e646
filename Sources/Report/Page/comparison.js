/** The colour of a series: that of the images that it is named after, otherwise its place's. */
function seriesStyle(name, place) {
  return Object.hasOwn(colours, name) ? { colour: colours[name] } : runStyle(place);
}

/** More places than this are drawn as curves with bands, and five of them are named. */
const fewPlaces = 12;

/** Means with ranges over named places, such as the numbers of shards of a sweep, or steps. */
class CategoryChart extends Chart {
  constructor(options) {
    super(options);
    this.note = element("p", { class: "note" });
    this.caption.after(this.note);
  }

  get isReady() {
    return this.series !== undefined;
  }

  update({ x, xLabel, yLabel, series, note }) {
    this.labels = list(x).map(textOf);
    this.xLabel = String(xLabel ?? "");
    this.yLabel = String(yLabel ?? "");
    this.series = list(series).map((line, place) => ({
      name: String(line.name ?? ""), ...statistic(x, line), ...seriesStyle(line.name, place),
    }));
    this.note.textContent = note ?? "";
    this.legend.replaceChildren(...(this.series.length > 1 ? [legend(this.series)] : []));
    this.setFinding(this.series.map((line) => this.finding(line)).join(" "));
    this.redraw();
  }

  finding({ name, mean }) {
    const range = extent(mean);
    if (!range) return `${name}: no values.`;
    const at = (value) => `${numberText(value)} at ${this.labels[mean.indexOf(value)]}`;
    return `${name}: lowest ${at(range[0])}, highest ${at(range[1])}.`;
  }

  draw() {
    const shown = this.series.flatMap(({ mean, low, high }) => [mean, low, high]);
    const domain = padded(extent(...shown) ?? [0, 1]);
    const base = this.height - 42;
    const y = linear(domain, [base, 26]);
    const [left, right] = [margins.left, this.width - margins.right];
    const breadth = (right - left) / Math.max(this.labels.length, 1);
    const centre = (index) => left + (index + 0.5) * breadth;
    const isCurve = this.labels.length > fewPlaces;
    const every = isCurve ? Math.ceil(this.labels.length / 5) : 1;
    const shift = isCurve ? 0 : Math.min(10, (breadth * 0.6) / Math.max(this.series.length, 1));
    const axis = shape("g", { class: "axis" },
      valueMarks(domain, y, this),
      this.labels.map((label, index) => ((index + 1) % every === 0
        ? shape("text", { x: centre(index), y: base + 18, "text-anchor": "middle" }, label) : null)),
      shape("text", { x: (left + right) / 2, y: base + 36, "text-anchor": "middle" }, this.xLabel),
      shape("text", { x: 4, y: 13 }, this.yLabel));
    const lines = this.series.map(({ mean, low, high, colour, dashed }, place) => {
      const x = (index) => centre(index) + (place - (this.series.length - 1) / 2) * shift;
      const at = (value) => (isNumber(value) ? y(value) : null);
      return shape("g", { colour },
        isCurve ? shape("path", { class: "band", colour,
          d: bandPath(mean.map((_, index) => x(index)), low.map(at), high.map(at)) }) : null,
        shape("path", {
          class: dashed ? "curve dashed" : "curve",
          d: pathOf(mean.map((value, index) => [x(index), at(value)])),
        }),
        isCurve ? [] : mean.map((value, index) => [
          isNumber(low[index]) && isNumber(high[index])
            ? shape("path", { class: "range", d:
              `M${x(index)} ${y(low[index])}V${y(high[index])}M${x(index) - 4} ${y(low[index])}h8` +
              `M${x(index) - 4} ${y(high[index])}h8` }) : null,
          isNumber(value) ? shape("circle", { class: "dot", cx: x(index), cy: y(value), r: 4 }) : null,
        ]));
    });
    this.svg.replaceChildren(axis, ...lines);
  }

  tabulate() {
    const column = (name) => ({ name, numeric: true });
    return {
      columns: [{ name: this.xLabel || "Place", numeric: false }, ...this.series.flatMap(({ name }) =>
        [`${name}: mean`, `${name}: low`, `${name}: high`].map(column))],
      rows: this.labels.map((label, index) => [label, ...this.series.flatMap(({ mean, low, high }) =>
        [mean[index], low[index], high[index]])]),
    };
  }
}

/** What several runs have shown together: sentences, charts, tables. */
class ComparisonView {
  constructor() {
    this.headline = element("ul", { class: "headline" });
    this.charts = element("div", { class: "pair" });
    this.tables = new TableList(3);
    this.node = element("section", { id: "comparison", "aria-labelledby": "comparison-title" },
      element("h2", { id: "comparison-title" }, "Comparison"),
      this.headline, this.charts, this.tables.node);
  }

  update(comparison) {
    this.node.hidden = !comparison;
    if (!comparison) return;
    this.headline.replaceChildren(...list(comparison.headline).map((sentence) =>
      element("li", {}, String(sentence))));
    const charts = list(comparison.charts);
    const titles = JSON.stringify(charts.map(({ title }) => title));
    if (titles !== this.titles) {
      this.titles = titles;
      this.shown = charts.map(({ title }) =>
        new CategoryChart({ title: String(title ?? "Chart"), level: 3, height: 270 }));
      this.charts.replaceChildren(...this.shown.map(({ node }) => node));
    }
    charts.forEach((chart, index) => this.shown[index].update(chart));
    this.tables.update(list(comparison.tables));
  }
}
