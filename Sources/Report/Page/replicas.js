/** One quantity of every replica: curves, beside other runs' if asked, and deviations. */
class ReplicasSection extends Section {
  constructor(view) {
    super(view, "replicas", "What each replica did");
    this.quantityChoice = element("div", { class: "quantities" });
    this.runChoice = element("details", { class: "overlay" });
    this.overlaid = new Set(); // indices of the other runs whose curves are drawn too
    this.curves = new LineChart({ title: "Curves", level: 4, height: 250 });
    this.heat = new HeatMap({ title: "Deviation", level: 4, height: 200 });
    const toggle = checkbox("A line for each replica", false, (showsReplicas) =>
      view.choose({ showsReplicas }));
    this.node.append(
      this.quantityChoice, element("div", { class: "controls" }, toggle, this.runChoice),
      this.curves.node, this.heat.node);
  }

  show({ quantity }) {
    if (!quantity) return false;
    this.showQuantityChoice();
    this.showRunChoice();
    this.showCurves();
    this.showDeviations();
    return true;
  }

  showCurves() {
    const { quantity, run, runs, index, lastStep, showsReplicas } = this.view;
    const others = [...this.overlaid].map((place) => ({
      place, found: quantitiesOf(runs[place]).find(({ key }) => key === quantity.key),
    })).filter(({ found }) => found);
    const style = others.length === 0 ? { colour: quantityColour(quantity) } : runStyle(index);
    this.curves.setTitle(`${quantity.label}: mean and range of the replicas`);
    this.curves.update({
      lines: [
        { ...quantity, ...style, name: String(run.name) },
        ...others.map(({ place, found }) =>
          ({ ...found, ...runStyle(place), name: String(runs[place].name) })),
      ],
      lastStep: Math.max(lastStep, ...others.map(({ place }) => lastStepOf(runs[place]))),
      showsReplicas,
    });
  }

  showDeviations() {
    const { quantity } = this.view;
    const { deviations } = differences(quantity);
    this.heat.setTitle(`${quantity.label}: deviation from the mean of the replicas`);
    this.heat.update({
      rows: deviations.map((values, replica) =>
        ({ name: `Replica ${replica}`, label: String(replica), values })),
      steps: quantity.steps, lastStep: this.curves.lastStep, scale: "diverging", rowsAreReplicas: true,
      describeCell: (replica, index) => `${numberText(quantity.replicas[replica][index])} ` +
        `(${signedText(deviations[replica][index])} from the mean)`,
      finding: replicaFinding(quantity), isEmpty: deviations.length < 2,
    });
  }

  showQuantityChoice() {
    const { quantities, quantity } = this.view;
    const keys = JSON.stringify(quantities.map(({ key }) => key));
    if (keys !== this.shownKeys) {
      this.shownKeys = keys;
      const hadFocus = this.quantityChoice.contains(document.activeElement);
      const groups = [...new Set(quantities.map(({ group }) => group))];
      this.quantityChoice.replaceChildren(...groups.map((group) => radios("quantity", group,
        quantities.filter((one) => one.group === group)
          .map(({ key, name }) => ({ value: key, text: name })),
        quantity.key, (key) => this.view.choose({ key }))));
      if (hadFocus) this.quantityChoice.querySelector("input:checked").focus();
    }
    for (const input of this.quantityChoice.querySelectorAll("input")) {
      input.checked = input.value === quantity.key;
    }
  }

  /** By default all other runs are drawn too, unless they are many. */
  showRunChoice() {
    const { runs, index } = this.view;
    this.runChoice.hidden = runs.length < 2;
    const names = JSON.stringify([index, ...runs.map(({ name }) => name)]);
    if (names === this.shownRuns) return;
    this.shownRuns = names;
    const others = runs.map((_, place) => place).filter((place) => place !== index);
    this.overlaid = new Set(runs.length <= 8 ? others : []);
    this.runChoice.replaceChildren(element("summary", {}, "Compare with other runs"),
      element("div", { class: "choices" }, others.map((place) =>
        checkbox(String(runs[place].name), this.overlaid.has(place), (checked) => {
          if (checked) this.overlaid.add(place);
          else this.overlaid.delete(place);
          this.update();
        }, runStyle(place).colour))));
  }
}
