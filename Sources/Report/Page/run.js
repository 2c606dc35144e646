/**
 * One run: all of its sections beside the values at the cursor. Another run, newer numbers and the
 * reader's choices are all updates. Sections read from here what they show.
 */
class RunView {
  constructor() {
    this.key = "loss_self";
    this.showsReplicas = false;
    this.title = element("h2", { id: "run-title" });
    this.problems = element("div", { class: "problems" });
    this.facts = element("div");
    this.readout = new Readout();
    this.sections = [
      ReplicasSection, WeightsSection, GradientsSection, BatchNormSection, SamplesSection, SpeedSection,
      TablesSection, ConfigurationSection,
    ].map((kind) => new kind(this));
    this.columns = element("div", { class: "columns" },
      element("div", { class: "charts" }, this.sections.map(({ node }) => node)), this.readout.node);
    this.node = element("section", { "aria-labelledby": "run-title" },
      this.title, this.problems, this.facts, this.columns);
  }

  update(runs, index) {
    Object.assign(this, { runs, index, run: runs[index] });
    this.refresh();
  }

  /** Takes a choice of the reader: the quantity's `key`, `showsReplicas`. */
  choose(change) {
    Object.assign(this, change);
    this.refresh();
  }

  refresh() {
    const { run } = this;
    this.quantities = quantitiesOf(run);
    this.quantity = this.quantities.find(({ key }) => key === this.key) ?? this.quantities[0];
    this.lastStep = lastStepOf(run);
    this.title.textContent = String(run.name ?? "Run");
    this.problems.replaceChildren(...list(run.problems).map((problem) =>
      element("p", {}, element("strong", {}, "Problem: "), String(problem))));
    this.facts.replaceChildren(definitions([
      ["State", runState(run)], ["Replicas", run.replicas ?? null],
      ...list(run.facts).filter(Array.isArray), ["Directory", run.path ?? null],
    ]));
    this.readout.update(this.quantity);
    for (const section of this.sections) section.update();
    this.columns.classList.toggle("alone", !this.quantity);
  }
}
