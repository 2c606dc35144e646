/** A part of a run's view, hidden where the run has nothing for it: `show()` tells. */
class Section {
  constructor(view, id, title) {
    Object.assign(this, { view, id, title });
    this.node = element("section", { id, "aria-labelledby": `${id}-title` },
      element("h3", { id: `${id}-title` }, title));
  }

  update() {
    this.isShown = this.show(this.view);
    this.node.hidden = !this.isShown;
  }
}

/** The dynamic weights: shares over the run, and their path in a triangle. */
class WeightsSection extends Section {
  constructor(view) {
    super(view, "weights", "Dynamic weights");
    this.stack = new StackChart({ title: "Shares of the three losses", level: 4, height: 300 });
    this.ternary = new TernaryChart({ title: "Path of the weights", level: 4, height: 300 });
    this.node.append(element("div", { class: "pair" }, this.stack.node, this.ternary.node));
  }

  show({ quantities, lastStep }) {
    const parts = quantities.filter(({ group }) => group === "Weight").map((quantity) =>
      ({ ...quantity, colour: quantityColour(quantity) }));
    if (parts.length !== 3) return false;
    this.stack.update({ parts, lastStep });
    this.ternary.update({ parts, lastStep });
    return true;
  }
}

/** What is known of gradients: norms, agreement, noise. */
class GradientsSection extends Section {
  constructor(view) {
    super(view, "gradients", "Gradients");
    this.norm = new LineChart({ title: "Norm of a replica's gradient", level: 4, height: 200 });
    this.cosine = new LineChart({ title: "Cosine to the averaged gradient", level: 4, height: 200 });
    this.noise = new LineChart({ title: "Gradient noise scale", level: 4, height: 200 });
    this.node.append(
      element("div", { class: "pair" }, this.norm.node, this.cosine.node, this.noise.node));
  }

  show({ run: { gradients }, lastStep }) {
    if (list(gradients?.steps).length === 0) return false;
    const line = (name, values, colour = colours.accent) =>
      ({ name, colour, ...statistic(gradients.steps, values) });
    const norms = [line("A replica's own", gradients.columns?.gradient_norm)];
    if (hasValues(gradients.averagedNorm)) {
      norms.push(line("Averaged over replicas", { mean: gradients.averagedNorm }, colours.generated));
    }
    const shown = [
      [this.norm, norms], [this.cosine, [line("Cosine", gradients.columns?.cosine)]],
      [this.noise, [line("Noise scale", { mean: gradients.noiseScale })]],
    ];
    for (const [chart, lines] of shown) {
      chart.node.hidden = !lines.some(({ mean }) => hasValues(mean));
      chart.update({ lines, lastStep });
    }
    return shown.some(([chart]) => !chart.node.hidden);
  }
}

class SpeedSection extends Section {
  constructor(view) {
    super(view, "speed", "Speed");
    this.chart = new LineChart({ title: "Milliseconds a step", level: 4, height: 180 });
    this.node.append(this.chart.node);
  }

  show({ run: { speed }, lastStep }) {
    if (!hasValues(speed?.millisecondsPerStep)) return false;
    const values = statistic(speed.steps, { mean: speed.millisecondsPerStep });
    this.chart.update({
      lines: [{ name: "Milliseconds", colour: colours.accent, ...values }], lastStep,
    });
    return true;
  }
}

class TablesSection extends Section {
  constructor(view) {
    super(view, "tables", "Tables");
    this.tables = new TableList(4);
    this.node.append(this.tables.node);
  }

  show({ run }) {
    this.tables.update(list(run.tables));
    return list(run.tables).length > 0;
  }
}

class ConfigurationSection extends Section {
  constructor(view) {
    super(view, "configuration", "Configuration and machine");
    this.text = element("code");
    this.machine = element("div");
    this.textDetails = element("details", {}, element("summary", {}, "Configuration (YAML)"),
      element("pre", { tabindex: 0 }, this.text));
    this.machineDetails = element("details", {}, element("summary", {}, "Machine"), this.machine);
    this.node.append(this.textDetails, this.machineDetails);
  }

  show({ run }) {
    const machine = list(run.machine).filter(Array.isArray);
    this.text.textContent = run.configuration ?? "";
    this.textDetails.hidden = !run.configuration;
    this.machine.replaceChildren(definitions(machine));
    this.machineDetails.hidden = machine.length === 0;
    return Boolean(run.configuration) || machine.length > 0;
  }
}
