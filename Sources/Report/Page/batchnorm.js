/** How far the batch statistics of replicas lie apart, layer by layer. */
class BatchNormSection extends Section {
  constructor(view) {
    super(view, "batch-norm", "Batch statistics");
    this.statistic = "mean";
    this.layer = null;
    this.distances = new HeatMap({ title: "Distance by layer", level: 4, height: 200 });
    this.distance = new LineChart({ title: "Distance in one layer", level: 4, height: 220 });
    this.select = element("select", {
      onchange: () => {
        this.layer = this.select.value;
        this.update();
      },
    });
    const choice = radios("statistic", "Statistic",
      ["mean", "variance"].map((value) => ({ value, text: value })), "mean", (value) => {
        this.statistic = value;
        this.update();
      });
    this.node.append(
      element("p", { class: "note" },
        "How far a replica's batch statistics lie from those of all, on average over replicas."),
      element("div", { class: "controls" }, choice), this.distances.node,
      element("div", { class: "controls" }, element("label", {}, "Layer ", this.select)),
      this.distance.node);
  }

  show({ run: { batchNorm }, lastStep, showsReplicas }) {
    const layers = list(batchNorm?.layers);
    const steps = list(batchNorm?.steps);
    if (layers.length === 0 || steps.length === 0) return false;
    const names = layers.map(({ name }) => String(name));
    this.showLayerChoice(names);
    this.distances.setTitle(`Distance of batch ${this.statistic}s by layer`);
    this.distances.update({
      ...this.rows(layers, names), steps, lastStep, scale: "sequential", rowsAreReplicas: false,
    });
    const values = statistic(steps, layers[names.indexOf(this.layer)][this.statistic]);
    this.distance.setTitle(`Distance of batch ${this.statistic}s in ${this.layer}`);
    this.distance.update({
      lines: [{ name: this.layer, colour: colours.accent, ...values }], lastStep, showsReplicas,
    });
    return true;
  }

  showLayerChoice(names) {
    if (names.join("\n") !== this.shownLayers) {
      this.shownLayers = names.join("\n");
      this.select.replaceChildren(...names.map((name) => element("option", {}, name)));
    }
    if (!names.includes(this.layer)) this.layer = names[0];
    this.select.value = this.layer;
  }

  /** A row a layer, and which is farthest apart at the end. */
  rows(layers, names) {
    const rows = layers.map((layer, place) => ({
      name: names[place], label: shortLayer(names[place]), values: list(layer[this.statistic]?.mean),
    }));
    const lasts = rows.map(({ name, values }) => ({ name, value: values.findLast(isNumber) ?? null }));
    const most = lasts.reduce((best, last) => ((last.value ?? -1) > (best.value ?? -1) ? last : best));
    return {
      rows, describeCell: (row, index) => numberText(rows[row].values[index]),
      finding: `At the end largest in ${most.name}: ${numberText(most.value)}.`,
      isEmpty: !rows.some(({ values }) => hasValues(values)),
    };
  }
}

/** A layer's name that fits left of a chart: "generator/batch_norm_0" → "gen. 0". */
function shortLayer(name) {
  const [, network, , number] = name.match(/^(\w{3})\w*\/(.*?)_(\d+)$/) ?? [];
  return network ? `${network}. ${number}` : name.slice(-8);
}
