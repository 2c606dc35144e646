/** Colours of scales as [red, green, blue] stops, for a light and a dark page. */
const stops = {
  // From Okabe and Ito's blue to their vermilion; blue is below, vermilion above.
  diverging: {
    light: [[0, 90, 150], [120, 180, 220], [246, 246, 244], [238, 160, 100], [190, 70, 0]],
    dark: [[110, 190, 245], [35, 100, 150], [38, 40, 46], [150, 70, 15], [250, 150, 70]],
  },
  // Nuñez, Anderton and Renslow's cividis, read the same with and without colour vision.
  sequential: {
    light: [[253, 234, 69], [188, 175, 111], [124, 123, 120], [65, 77, 107], [0, 32, 77]],
    dark: [[20, 40, 80], [65, 77, 107], [124, 123, 120], [188, 175, 111], [253, 234, 69]],
  },
};

/** The colour at `fraction` (0 to 1) of a scale. */
function colourAt(name, fraction) {
  const scale = stops[name][isDark() ? "dark" : "light"];
  const place = Math.min(Math.max(fraction, 0), 1) * (scale.length - 1);
  const index = Math.min(Math.floor(place), scale.length - 2);
  return scale[index].map((value, channel) =>
    Math.round(value + (scale[index + 1][channel] - value) * (place - index)));
}

const cssColour = (channels) => `rgb(${channels.join(" ")})`;

/** What the two ends of a scale of colours mean. */
function scaleLegend(name, first, last, remark = null) {
  const strip = element("span", { class: "strip" });
  const samples = [0, 0.25, 0.5, 0.75, 1].map((part) => cssColour(colourAt(name, part)));
  strip.style.background = `linear-gradient(to right, ${samples.join(", ")})`;
  return element("p", { class: "scale" }, first, strip, last,
    remark ? element("span", {}, remark) : null);
}

/** The value below which a fraction of the numbers lies. */
function quantile(numbers, fraction) {
  const sorted = Float64Array.from(numbers).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(fraction * sorted.length))];
}

/**
 * Rows × steps as colours. `rows` are {name, values}; `scale` is "diverging" (around 0)
 * or "sequential" (from 0). The largest 1% of sizes share the last colour.
 */
class HeatMap extends TimeChart {
  constructor(options) {
    super(options);
    this.tooltip = element("div", { class: "tooltip", hidden: true });
    this.frame.append(this.tooltip);
    this.row = null;
    this.pad.addEventListener("pointerleave", () => this.pointAtRow(null));
    this.pad.addEventListener("blur", () => this.pointAtRow(null));
  }

  /** `rowsAreReplicas` makes the row pointed at the replica that other charts show. */
  update({ rows, steps, lastStep, scale, rowsAreReplicas, describeCell, finding, isEmpty }) {
    Object.assign(this, { rows, lastStep, scale, rowsAreReplicas, describeCell });
    this.steps = isEmpty ? [] : steps;
    this.frame.hidden = this.details.hidden = this.legend.hidden = Boolean(isEmpty);
    this.setFinding(finding);
    if (isEmpty) return;
    const rowHeight = Math.max(4, Math.min(18, 320 / rows.length));
    this.setHeight(Math.round(rows.length * rowHeight) + margins.top + margins.bottom);
    const sizes = rows.flatMap(({ values }) => values.filter(isNumber).map(Math.abs));
    this.limit = sizes.length ? quantile(sizes, 0.99) || extent(sizes)[1] || 1 : 1;
    this.hasGaps = sizes.length < rows.length * steps.length;
    this.redraw();
  }

  drawContent() {
    const low = this.scale === "diverging" ? -this.limit : 0;
    this.legend.replaceChildren(scaleLegend(
      this.scale, signedText(low), signedText(this.limit), this.hasGaps ? "striped: no value" : null));
    const [base, top] = this.verticalRange;
    const height = (base - top) / this.rows.length;
    const every = Math.ceil(13 / height);
    this.rowLine = shape("rect", { class: "row", visibility: "hidden" });
    return [
      shape("image", {
        href: this.picture(), x: margins.left, y: top, width: this.width - margins.left - margins.right,
        height: base - top, preserveAspectRatio: "none",
      }),
      shape("g", { class: "axis" }, this.rows.map(({ label }, index) =>
        (index % every ? null : shape("text", {
          x: margins.left - 7, y: top + (index + 0.5) * height + 4, "text-anchor": "end",
        }, label)))),
      this.rowLine,
    ];
  }

  /** The address of a picture: a pixel a row, and as many across as the screen has. */
  picture() {
    const breadth = this.width - margins.left - margins.right;
    const across = Math.max(1, Math.round(breadth * Math.min(window.devicePixelRatio, 2)));
    const canvas = element("canvas", { width: across, height: this.rows.length });
    const image = new ImageData(across, this.rows.length);
    const palette = Array.from({ length: 256 }, (_, index) => colourAt(this.scale, index / 255));
    const isDiverging = this.scale === "diverging";
    // A bucket reaches from the step after the one before to its own.
    const indexOfPixel = Int32Array.from({ length: across }, (_, pixel) => {
      const step = ((pixel + 0.5) / across) * this.lastStep;
      const index = nearestIndex(this.steps, step);
      return step > this.steps[index] ? index + 1 : index;
    });
    this.rows.forEach(({ values }, row) => {
      for (let pixel = 0; pixel < across; pixel += 1) {
        const value = values[indexOfPixel[pixel]];
        const part = isDiverging ? (value / this.limit + 1) / 2 : value / this.limit;
        const colour = isNumber(value) ? palette[Math.round(Math.min(Math.max(part, 0), 1) * 255)]
          : pixel % 8 < 2 ? [128, 128, 128] : null;
        if (colour) image.data.set([...colour, 255], 4 * (row * across + pixel));
      }
    });
    canvas.getContext("2d").putImageData(image, 0, 0);
    return canvas.toDataURL();
  }

  pointAtPlace(x, y) {
    super.pointAtPlace(x);
    const [base, top] = this.verticalRange;
    const row = Math.floor(((y - top) / (base - top)) * this.rows.length);
    this.pointAtRow(row >= 0 && row < this.rows.length ? row : null);
  }

  pointAtRow(row) {
    this.row = row;
    cursor.point(this.rowsAreReplicas ? { replica: row } : {});
  }

  otherKeys() {
    const last = this.rows.length - 1;
    const row = this.row ?? -1;
    return {
      ArrowDown: () => this.pointAtRow(Math.min(row + 1, last)),
      ArrowUp: () => this.pointAtRow(Math.max(row - 1, 0)),
    };
  }

  moveCursor() {
    super.moveCursor();
    if (!this.isReady || !this.rowLine) return;
    const row = this.rowsAreReplicas ? cursor.replica : this.row;
    const isShown = row !== null && row < this.rows.length;
    this.rowLine.setAttribute("visibility", isShown ? "visible" : "hidden");
    this.tooltip.hidden = this.row === null || !isShown;
    if (!isShown) return;
    const [base, top] = this.verticalRange;
    const height = (base - top) / this.rows.length;
    const box = {
      x: margins.left, width: this.width - margins.left - margins.right, y: top + row * height, height,
    };
    for (const [key, value] of Object.entries(box)) this.rowLine.setAttribute(key, value);
    const x = this.x(this.steps[this.index]);
    this.tooltip.textContent =
      `${this.rows[row].name}, step ${numberText(this.steps[this.index])}: ` +
      this.describeCell(row, this.index);
    this.tooltip.style.top = `${box.y + height + 6}px`;
    this.tooltip.style.left = x < this.width / 2 ? `${x}px` : "";
    this.tooltip.style.right = x < this.width / 2 ? "" : `${this.width - x}px`;
  }

  markers() {
    return [];
  }

  describe(index) {
    if (this.row !== null && this.row < this.rows.length) {
      return `${this.rows[this.row].name}: ${this.describeCell(this.row, index)}`;
    }
    const values = this.rows.map((row) => row.values[index]);
    const range = extent(values);
    if (!range) return "no values";
    const name = (value) => this.rows[values.indexOf(value)].name;
    return `lowest ${name(range[0])}, ${this.describeCell(values.indexOf(range[0]), index)}; ` +
      `highest ${name(range[1])}, ${this.describeCell(values.indexOf(range[1]), index)}`;
  }

  tabulate() {
    return {
      columns: ["Step", ...this.rows.map(({ name }) => name)].map((name) => ({ name, numeric: true })),
      rows: this.steps.map((step, index) => [step, ...this.rows.map(({ values }) => values[index])]),
    };
  }
}
