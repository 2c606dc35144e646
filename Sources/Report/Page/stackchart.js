/** Shares of a whole over steps, one above the other; `parts` are lines of which means are drawn. */
class StackChart extends TimeChart {
  update({ parts, lastStep }) {
    Object.assign(this, { parts, lastStep });
    this.steps = parts[0]?.steps ?? [];
    this.legend.replaceChildren(legend(parts));
    const last = this.steps.length - 1;
    this.setFinding(parts.length === 0 ? "No values." : `At step ${numberText(this.steps[last])}: ` +
      parts.map(({ name, mean }) => {
        const range = extent(mean) ?? [];
        return `${name} ${numberText(mean[last])} ` +
          `(${numberText(range[0])} to ${numberText(range[1])} over the run)`;
      }).join(", ") + ".");
    this.redraw();
  }

  /** The boundary above part `count` − 1. */
  sum(index, count) {
    const values = this.parts.slice(0, count).map(({ mean }) => mean[index]);
    return values.every(isNumber) ? values.reduce((sum, value) => sum + value, 0) : null;
  }

  drawContent() {
    const total = extent(this.steps.map((_, index) => this.sum(index, this.parts.length)));
    const domain = [0, total?.[1] || 1];
    this.y = linear(domain, this.verticalRange);
    const xs = this.steps.map(this.x);
    const edge = (count) => this.steps.map((_, index) => {
      const value = this.sum(index, count);
      return value === null ? null : this.y(value);
    });
    return [
      ...this.parts.map(({ colour }, place) => shape("path", {
        class: "area", colour, d: bandPath(xs, edge(place), edge(place + 1)),
      })),
      this.valueAxis(domain, this.y),
    ];
  }

  markers(index) {
    return this.parts.map(({ colour }, place) => {
      const value = this.sum(index, place + 1);
      return { y: value === null ? null : this.y(value), colour };
    });
  }

  describe(index) {
    return this.parts.map(({ name, mean }) => `${name} ${numberText(mean[index])}`).join(", ");
  }

  tabulate() {
    return {
      columns: ["Step", ...this.parts.map(({ name }) => name)].map((name) => ({ name, numeric: true })),
      rows: this.steps.map((step, index) => [step, ...this.parts.map(({ mean }) => mean[index])]),
    };
  }
}
