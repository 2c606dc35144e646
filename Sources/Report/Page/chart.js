/** The step and the replica that the reader points at: one for all charts. */
const cursor = {
  step: null, // null follows the newest step
  replica: null,
  followers: [],
  pending: false,

  /** Points elsewhere; charts follow in the next frame. */
  point(change) {
    Object.assign(this, change);
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      for (const follow of this.followers) follow();
    });
  },
};

/** Colours of charts, by name in style.css, so that they follow the theme. */
const colours = {
  self: "var(--self)", generated: "var(--generated)", real: "var(--real)", fake: "var(--fake)",
  accent: "var(--accent)",
};

/** The colour of a quantity: that of the images it is about. */
function quantityColour({ name }) {
  return colours[name] ?? colours.accent;
}

/** The colour of a run among others; runs beyond the eighth are dashed. */
function runStyle(place) {
  return { colour: `var(--run-${place % 8})`, dashed: place % 16 >= 8 };
}

/** A figure: heading, drawing, finding in words, legend, and the numbers as a table on request. */
class Chart {
  constructor({ title, level, height }) {
    this.title = title;
    this.heading = element(`h${level}`, {}, title);
    this.svg = shape("svg", { role: "img", "aria-label": title });
    this.frame = element("div", { class: "frame" }, this.svg);
    this.caption = element("figcaption");
    this.legend = element("div");
    this.numbers = new SortableTable(`Numbers: ${title}`);
    this.summary = element("summary", {}, "Show as table", spoken(`: ${title}`));
    this.details = element("details", { ontoggle: () => this.fillTable() },
      this.summary, this.numbers.node);
    this.node = element("figure", { class: "chart" },
      this.heading, this.frame, this.legend, this.caption, this.details);
    this.setHeight(height);
    new ResizeObserver(() => this.redraw()).observe(this.frame);
  }

  setHeight(height) {
    this.height = height;
    this.frame.style.height = `${height}px`;
  }

  setTitle(title) {
    this.title = title;
    this.heading.textContent = title;
    this.summary.lastChild.textContent = `: ${title}`;
  }

  setFinding(text) {
    this.caption.textContent = text;
    this.svg.setAttribute("aria-label", `${this.title}. ${text}`);
  }

  redraw() {
    const width = this.frame.clientWidth;
    if (width === 0 || !this.isReady) return;
    this.width = width;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${this.height}`);
    this.draw();
    this.fillTable();
  }

  fillTable() {
    if (this.details.open && this.isReady) this.numbers.update(this.tabulate());
  }
}

const margins = { left: 56, right: 14, top: 12, bottom: 24 };

/** A linear scale with its inverse. A domain of no width lies in the middle of its range. */
function linear([low, high], [start, end]) {
  const slope = high > low ? (end - start) / (high - low) : 0;
  const scale = (value) => (slope === 0 ? (start + end) / 2 : start + (value - low) * slope);
  scale.invert = (place) => (slope === 0 ? low : low + (place - start) / slope);
  return scale;
}

/** Round numbers within a domain, about `count` of them. */
function ticks([low, high], count) {
  if (!(high > low)) return [low];
  const rough = (high - low) / Math.max(count, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= rough) * power;
  const found = [];
  for (let index = Math.ceil(low / step); index * step <= high + step * 1e-9; index += 1) {
    found.push(Number((index * step).toPrecision(12)));
  }
  return found;
}

/** Ticks and grid lines of values across a chart, with equally many decimals. */
function valueMarks(domain, y, { width, height }) {
  const values = ticks(domain, height / 48);
  const decimals = Math.max(...values.map((value) => String(value).split(".")[1]?.length ?? 0));
  const isPlain = values.every((value) => numberText(value).indexOf("e") < 0);
  return values.map((value) => shape("g", {},
    shape("line", {
      class: "grid", x1: margins.left, x2: width - margins.right, y1: y(value), y2: y(value),
    }),
    shape("text", { x: margins.left - 7, y: y(value) + 4, "text-anchor": "end" },
      isPlain && decimals > 0 ? value.toFixed(decimals).replace("-", "−") : numberText(value))));
}

/** A domain that leaves some room around a range. */
function padded([low, high]) {
  const room = high > low ? (high - low) * 0.05 : Math.abs(low) * 0.1 || 1;
  return [low - room, high + room];
}

/** The path through points [x, y]; a null y interrupts it, a point alone becomes a dot. */
function pathOf(points) {
  let text = "";
  let isDown = false;
  for (const [x, y] of points) {
    if (!isNumber(y)) {
      isDown = false;
      continue;
    }
    text += `${isDown ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}${isDown ? "" : "h0"}`;
    isDown = true;
  }
  return text;
}

/** The closed path between two curves over `xs`; nulls interrupt it. */
function bandPath(xs, lows, highs) {
  let text = "";
  let begin = 0;
  for (let index = 0; index <= xs.length; index += 1) {
    if (index < xs.length && isNumber(lows[index]) && isNumber(highs[index])) continue;
    if (index > begin) {
      const upper = [];
      const lower = [];
      for (let place = begin; place < index; place += 1) {
        upper.push(`${xs[place].toFixed(1)} ${highs[place].toFixed(1)}`);
        lower.unshift(`${xs[place].toFixed(1)} ${lows[place].toFixed(1)}`);
      }
      text += `M${upper.join("L")}L${lower.join("L")}Z`;
    }
    begin = index + 1;
  }
  return text;
}
