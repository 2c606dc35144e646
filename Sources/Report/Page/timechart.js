/**
 * A chart over steps with the shared cursor. A slider lies over the drawing: it takes the pointer
 * and the arrow keys. Subclasses have `steps`, `describe(index)` (the values there, in words),
 * `drawContent()` and `markers(index)` ([{y, colour}]).
 */
class TimeChart extends Chart {
  constructor(options) {
    super(options);
    this.pad = element("div", {
      class: "pad", role: "slider", tabindex: 0, "aria-label": `Step in ${options.title}`,
      onpointermove: (event) => this.pointAt(event), onpointerdown: (event) => this.pointAt(event),
      onkeydown: (event) => this.press(event),
    });
    this.frame.append(this.pad);
    cursor.followers.push(() => this.moveCursor());
  }

  get isReady() {
    return this.steps?.length > 0;
  }

  setTitle(title) {
    super.setTitle(title);
    this.pad.setAttribute("aria-label", `Step in ${title}`);
  }

  /** The index of the cursor's step among this chart's. */
  get index() {
    return nearestIndex(this.steps, cursor.step);
  }

  pointAt(event) {
    if (!this.isReady) return;
    const box = this.frame.getBoundingClientRect();
    this.pointAtPlace(event.clientX - box.left, event.clientY - box.top);
  }

  pointAtPlace(x) {
    cursor.point({ step: this.steps[nearestIndex(this.steps, this.x.invert(x))] });
  }

  press(event) {
    if (!this.isReady) return;
    const last = this.steps.length - 1;
    const target = {
      ArrowLeft: this.index - 1, ArrowRight: this.index + 1, PageDown: this.index - 10,
      PageUp: this.index + 10, Home: 0, End: last, ...this.otherKeys(),
    }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    if (typeof target === "function") target();
    else cursor.point({ step: this.steps[Math.min(Math.max(target, 0), last)] });
  }

  otherKeys() {
    return { ArrowDown: this.index - 1, ArrowUp: this.index + 1 };
  }

  draw() {
    this.x = linear([0, this.lastStep], [margins.left, this.width - margins.right]);
    this.line = shape("line", { class: "cursor" });
    this.dots = shape("g");
    this.svg.replaceChildren(...this.drawContent(), this.stepAxis(), this.line, this.dots);
    this.pad.setAttribute("aria-valuemin", this.steps[0]);
    this.pad.setAttribute("aria-valuemax", this.steps.at(-1));
    this.moveCursor();
  }

  moveCursor() {
    if (!this.isReady || !this.line) return;
    const index = this.index;
    const x = this.x(this.steps[index]);
    const ends = { x1: x, x2: x, y1: margins.top, y2: this.height - margins.bottom };
    for (const [key, value] of Object.entries(ends)) this.line.setAttribute(key, value);
    this.dots.replaceChildren(...this.markers(index).filter(({ y }) => isNumber(y)).map(
      ({ y, colour }) => shape("circle", { cx: x, cy: y, r: 3.5, class: "dot", colour })));
    this.pad.setAttribute("aria-valuenow", this.steps[index]);
    this.pad.setAttribute("aria-valuetext",
      `step ${numberText(this.steps[index])}: ${this.describe(index)}`);
  }

  /** Ticks of steps under the drawing. */
  stepAxis() {
    const base = this.height - margins.bottom;
    const steps = ticks([0, this.lastStep], Math.min(10, this.width / 90)).filter(Number.isInteger);
    const marks = steps.map((step) => {
      const x = this.x(step);
      const isAtEnd = x > this.width - margins.right - 20;
      return shape("g", {}, shape("line", { x1: x, x2: x, y1: base, y2: base + 4 }),
        shape("text", {
          x: isAtEnd ? this.width - 2 : x, y: base + 17, "text-anchor": isAtEnd ? "end" : "middle",
        }, numberText(step)));
    });
    return shape("g", { class: "axis" }, marks);
  }

  /** Ticks and grid lines of values, left of the drawing. */
  valueAxis(domain, y) {
    return shape("g", { class: "axis" }, valueMarks(domain, y, this));
  }

  get verticalRange() {
    return [this.height - margins.bottom, margins.top];
  }
}
