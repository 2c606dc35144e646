/**
 * Curves with bands from the lowest to the highest replica. A line is {name, colour, dashed, steps,
 * mean, low, high, replicas}; the first is the one that captions and the cursor are about.
 */
class LineChart extends TimeChart {
  /** `showsReplicas` draws a line for each replica of the first line. */
  update({ lines, lastStep, showsReplicas = false, showsLegend = lines.length > 1 }) {
    Object.assign(this, { lines, lastStep, showsReplicas });
    this.steps = lines[0]?.steps ?? [];
    this.legend.replaceChildren(...(showsLegend ? [legend(lines)] : []));
    const findings = lines.slice(0, 4).map((line) =>
      lines.length > 1 ? `${line.name}: ${curveFinding(line)}` : capitalized(curveFinding(line)));
    this.setFinding(findings.join(" ") || "No values.");
    this.redraw();
  }

  drawContent() {
    const shown = this.lines.flatMap(({ mean, low, high }) => [mean, low, high]);
    const domain = padded(extent(...shown) ?? [0, 1]);
    this.y = linear(domain, this.verticalRange);
    const place = (value) => (isNumber(value) ? this.y(value) : null);
    const [first] = this.lines;
    const drawn = [this.valueAxis(domain, this.y)];
    for (const line of [...this.lines].reverse()) {
      const xs = line.steps.map(this.x);
      const curve = (values) => pathOf(xs.map((x, index) => [x, place(values[index])]));
      if (line === first || this.lines.length <= 3) {
        drawn.push(shape("path", {
          class: "band", colour: line.colour,
          d: bandPath(xs, line.low.map(place), line.high.map(place)),
        }));
      }
      if (line === first && this.showsReplicas) {
        drawn.push(...line.replicas.map((values) =>
          shape("path", { class: "replica", colour: line.colour, d: curve(values) })));
      }
      drawn.push(shape("path", {
        class: line.dashed ? "curve dashed" : "curve", colour: line.colour, d: curve(line.mean),
      }));
    }
    this.chosen = shape("path", { class: "chosen" });
    this.curveOfReplica = (replica) => pathOf(first.steps.map((step, index) =>
      [this.x(step), place(first.replicas[replica]?.[index])]));
    return [...drawn, this.chosen];
  }

  moveCursor() {
    super.moveCursor();
    const isShown = this.isReady && this.chosen && cursor.replica !== null;
    this.svg.classList.toggle("choosing", Boolean(isShown));
    this.chosen?.setAttribute("d", isShown ? this.curveOfReplica(cursor.replica) : "");
  }

  markers(index) {
    const step = this.steps[index];
    return this.lines.map(({ steps, mean, colour }) => {
      const value = mean[nearestIndex(steps, step)];
      return { y: isNumber(value) && step <= steps.at(-1) ? this.y(value) : null, colour };
    });
  }

  describe(index) {
    const { mean, low, high } = this.lines[0];
    return low[index] === high[index] ? numberText(mean[index])
      : `mean ${numberText(mean[index])}, ${numberText(low[index])} to ${numberText(high[index])}`;
  }

  tabulate() {
    const [first, ...others] = this.lines;
    const column = (name) => ({ name, numeric: true });
    return {
      columns: [
        "Step", "Mean", "Lowest", "Highest", ...others.map(({ name }) => name),
        ...first.replicas.map((_, replica) => `Replica ${replica}`),
      ].map(column),
      rows: first.steps.map((step, index) => [
        step, first.mean[index], first.low[index], first.high[index],
        ...others.map(({ steps, mean }) => mean[nearestIndex(steps, step)]),
        ...replicasAt(first, index),
      ]),
    };
  }
}
