/**
 * Three shares of one as a point in a triangle: the path of their means over the run, coloured by
 * step, and each replica at the cursor's step. Shows the smaller triangle that holds all points, or
 * the whole one.
 */
class TernaryChart extends TimeChart {
  constructor(options) {
    super(options);
    this.showsWhole = false;
    this.heading.after(checkbox("Whole triangle", false, (checked) => {
      this.showsWhole = checked;
      this.redraw();
    }));
  }

  update({ parts, lastStep }) {
    Object.assign(this, { parts, lastStep });
    this.steps = parts[0]?.steps ?? [];
    const first = this.steps.findIndex((_, index) => this.shares(index));
    const last = this.steps.findLastIndex((_, index) => this.shares(index));
    this.setFinding(first < 0 ? "No values." : `From ${this.describe(first)} at step ` +
      `${numberText(this.steps[first])} to ${this.describe(last)} at step ` +
      `${numberText(this.steps[last])}. Circles are replicas at the chosen step` +
      `${this.bounds.every((low) => low <= 1 / 3) ? ", the cross is a third each" : ""}.`);
    this.redraw();
  }

  /** Three shares at an index, of the mean or of one replica; null where one is missing. */
  shares(index, replica = null) {
    const shares = this.parts.map(({ mean, replicas }) =>
      (replica === null ? mean : replicas[replica] ?? [])[index]);
    return shares.every(isNumber) ? shares : null;
  }

  /** The lower bounds of the shares that the drawing shows: multiples of 0.02. */
  get bounds() {
    if (this.showsWhole) return [0, 0, 0];
    const lows = this.parts.map(({ mean, low, replicas }) => {
      const range = extent(mean, low, ...replicas) ?? [0, 1];
      return Math.max(0, Math.floor(range[0] * 50) / 50);
    });
    return lows.reduce((sum, low) => sum + low, 0) < 0.95 ? lows : [0, 0, 0];
  }

  draw() {
    const side = Math.min(this.width - 90, (this.height - 62) / Math.sin(Math.PI / 3));
    const bounds = this.bounds;
    this.size = 1 - bounds.reduce((sum, low) => sum + low, 0);
    const base = this.height - 34;
    const left = (this.width - side) / 2;
    const rise = side * Math.sin(Math.PI / 3);
    // Corners: generated at the top, real at the left, fake at the right.
    this.place = ([generated, , fake]) => {
      const up = (generated - bounds[0]) / this.size;
      return [left + side * ((fake - bounds[2]) / this.size + up / 2), base - rise * up];
    };
    this.dots = shape("g");
    this.svg.replaceChildren(this.grid(bounds), this.path(), this.dots);
    this.legend.replaceChildren(scaleLegend("sequential",
      `step ${numberText(this.steps[0])}`, `step ${numberText(this.steps.at(-1))}`));
    this.pad.setAttribute("aria-valuemin", this.steps[0]);
    this.pad.setAttribute("aria-valuemax", this.steps.at(-1));
    this.line = shape("line"); // the cursor is the replicas' circles
    this.moveCursor();
  }

  /** The triangle with lines of equal shares and the names of its corners. */
  grid(bounds) {
    const marks = [];
    const corners = [0, 1, 2].map((part) =>
      bounds.map((low, other) => low + (other === part ? this.size : 0)));
    const outline = corners.map((corner) => this.place(corner).join(" ")).join("L");
    // Ticks of the top corner's share stand at the right edge, of the left's at the left edge, of the
    // right's under the base.
    const tickOffsets = [[6, 4, "start"], [-6, 0, "end"], [0, 15, "middle"]];
    corners.forEach((corner, part) => {
      const [x, y] = this.place(corner);
      marks.push(shape("text", {
        x, y: y + (part === 0 ? -8 : 30), "text-anchor": "middle", class: "corner",
        colour: this.parts[part].colour,
      }, this.parts[part].name));
      for (const value of ticks([bounds[part], bounds[part] + this.size], 5)) {
        if (value <= bounds[part] || value >= bounds[part] + this.size - 1e-9) continue;
        const [second, third] = [(part + 1) % 3, (part + 2) % 3];
        const end = (full) => {
          const shares = [...bounds];
          shares[part] = value;
          shares[full] = 1 - value - bounds[full === second ? third : second];
          return this.place(shares);
        };
        const [from, to] = [end(second), end(third)];
        marks.push(shape("line", { class: "grid", x1: from[0], y1: from[1], x2: to[0], y2: to[1] }));
        const [dx, dy, anchor] = tickOffsets[part];
        marks.push(shape("text", { x: to[0] + dx, y: to[1] + dy, "text-anchor": anchor },
          numberText(value)));
      }
    });
    const third = [1 / 3, 1 / 3, 1 / 3];
    if (bounds.every((low) => low <= 1 / 3)) {
      const [x, y] = this.place(third);
      marks.push(shape("path", { class: "cross", d: `M${x - 5} ${y}h10M${x} ${y - 5}v10` }));
    }
    return shape("g", { class: "axis" }, shape("path", { class: "outline", d: `M${outline}Z` }), marks);
  }

  /** The means, in stretches of one colour. */
  path() {
    const stretch = Math.max(1, Math.ceil(this.steps.length / 48));
    const drawn = [];
    for (let begin = 0; begin < this.steps.length; begin += stretch) {
      const points = [];
      for (let index = begin; index <= Math.min(begin + stretch, this.steps.length - 1); index += 1) {
        const shares = this.shares(index);
        points.push(shares ? this.place(shares) : [0, null]);
      }
      const fraction = begin / this.steps.length;
      drawn.push(shape("path", {
        class: "curve thin", colour: cssColour(colourAt("sequential", fraction)), d: pathOf(points),
      }));
    }
    return shape("g", {}, drawn);
  }

  moveCursor() {
    if (!this.isReady || !this.dots) return;
    const index = this.index;
    const count = this.parts[0].replicas.length;
    const circles = [];
    for (let replica = 0; replica < count; replica += 1) {
      const shares = this.shares(index, replica);
      if (!shares) continue;
      const [cx, cy] = this.place(shares);
      const isChosen = replica === cursor.replica;
      circles.push(shape("circle", { cx, cy, r: isChosen ? 6 : 4, class: isChosen ? "dot" : "ring" },
        shape("title", {}, `Replica ${replica}`)));
    }
    const mean = this.shares(index);
    if (mean) {
      const [cx, cy] = this.place(mean);
      circles.push(shape("circle", { cx, cy, r: 3.5, class: "dot", colour: colours.accent }));
    }
    this.dots.replaceChildren(...circles);
    this.pad.setAttribute("aria-valuenow", this.steps[index]);
    this.pad.setAttribute("aria-valuetext",
      `step ${numberText(this.steps[index])}: ${this.describe(index)}`);
  }

  /** Points at the step whose mean lies nearest. */
  pointAtPlace(x, y) {
    let best = null;
    let least = Infinity;
    this.steps.forEach((step, index) => {
      const shares = this.shares(index);
      if (!shares) return;
      const [px, py] = this.place(shares);
      const distance = Math.hypot(px - x, py - y);
      if (distance < least) [least, best] = [distance, step];
    });
    if (best !== null) cursor.point({ step: best });
  }

  describe(index) {
    return this.parts.map(({ name, mean }) => `${name} ${numberText(mean[index])}`).join(", ");
  }

  tabulate() {
    const index = this.index;
    return {
      columns: [{ name: "Replica", numeric: true },
        ...this.parts.map(({ name }) => ({ name, numeric: true }))],
      rows: this.parts[0].replicas.map((_, replica) =>
        [replica, ...this.parts.map(({ replicas }) => replicas[replica]?.[index])]),
    };
  }
}
