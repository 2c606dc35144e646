/** The panel beside the charts: the step at the cursor, and what every replica has there. */
class Readout {
  constructor() {
    this.step = element("output", { class: "step", for: "step" });
    this.slider = element("input", {
      type: "range", id: "step", min: 0, step: 1, "aria-label": "Step",
      oninput: () => {
        const index = Number(this.slider.value);
        const isLast = index === this.quantity.steps.length - 1;
        cursor.point({ step: isLast ? null : this.quantity.steps[index] });
      },
    });
    this.summary = element("dl", { class: "numbers" });
    this.body = element("tbody");
    this.table = element("table", {},
      element("caption", {}, spoken("Replicas at the chosen step")),
      element("thead", {}, element("tr", {},
        ["Replica", "Value", "From mean", "Whole run"].map((name) =>
          element("th", { scope: "col" }, name)))),
      this.body);
    this.replicas = element("details", {}, element("summary", {}, "Each replica"),
      element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Each replica" },
        this.table, element("p", { class: "note" }, "Whole run: the mean distance from the mean of " +
          "all, in percent of the standard deviation that replicas usually have in one step.")));
    this.replicas.open = window.matchMedia("(min-width: 64rem)").matches;
    this.name = element("h3");
    this.node = element("section", { class: "readout", "aria-label": "Values at the chosen step" },
      this.name, element("p", {}, "Step ", this.step), this.slider, this.summary, this.replicas);
    cursor.followers.push(() => this.show());
  }

  update(quantity) {
    this.quantity = quantity;
    this.node.hidden = !quantity;
    if (!quantity) return;
    const { lasting } = differences(quantity);
    const { spread } = quantity;
    const share = (value) =>
      (spread > 0 ? `${signedText(Math.round((100 * value) / spread))}%` : "–");
    this.name.textContent = quantity.label;
    this.slider.max = quantity.steps.length - 1;
    this.cells = quantity.replicas.map((_, replica) => {
      const value = element("td", { class: "number" });
      const bar = element("span", { class: "bar" });
      const row = element("tr", {
        onpointerenter: () => cursor.point({ replica }),
        onpointerleave: () => cursor.point({ replica: null }),
      },
      element("th", { scope: "row", class: "number" }, String(replica)), value,
      element("td", {}, element("span", { class: "track", "aria-hidden": "true" }, bar)),
      element("td", { class: "number" }, share(lasting[replica])));
      return { row, value, bar };
    });
    this.replicas.hidden = this.cells.length < 2;
    this.body.replaceChildren(...this.cells.map(({ row }) => row));
    this.show();
  }

  show() {
    if (!this.quantity) return;
    const { steps, mean, low, high } = this.quantity;
    const index = nearestIndex(steps, cursor.step);
    const values = replicasAt(this.quantity, index);
    const { mean: centre, deviation } = moments(values);
    this.step.textContent = numberText(steps[index]);
    this.slider.value = index;
    this.slider.setAttribute("aria-valuetext", `step ${numberText(steps[index])}`);
    this.summary.replaceChildren(...[
      ["Mean", mean[index]], ["Lowest", low[index]], ["Highest", high[index]], ["Deviation", deviation],
    ].map(([name, value]) =>
      element("div", {}, element("dt", {}, name), element("dd", {}, numberText(value)))));
    const reach = Math.max(...values.map((value) => (isNumber(value) ? Math.abs(value - centre) : 0)));
    this.cells.forEach(({ row, value, bar }, replica) => {
      const number = values[replica];
      value.textContent = alignedText(number);
      row.classList.toggle("chosen", replica === cursor.replica);
      const part = isNumber(number) && reach > 0 ? (number - centre) / reach : 0;
      bar.classList.toggle("below", part < 0);
      bar.style.width = `${Math.abs(part) * 50}%`;
    });
  }
}
