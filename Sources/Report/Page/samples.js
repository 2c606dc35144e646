/** Whether the page may show an image from this address: within the document, or its own server. */
function isShowable(address) {
  return typeof address === "string" &&
    (address.startsWith("data:image/") || (isLive && /^\w[\w./-]*$/.test(address)));
}

/** Generated images over the run, beside real ones. The slider and the cursor move together. */
class SamplesSection extends Section {
  constructor(view) {
    super(view, "samples", "Samples");
    this.generated = element("img", { alt: "", class: "sample" });
    this.reals = element("img", { alt: "Images of the data set", class: "sample" });
    this.label = element("output", { for: "sample" });
    this.slider = element("input", {
      type: "range", id: "sample", min: 0, step: 1, "aria-label": "Samples by step",
      oninput: () => this.go(Number(this.slider.value)),
    });
    this.button = element("button", { type: "button", onclick: () => this.toggle() }, "Play");
    this.realsFigure = element("figure", {},
      this.reals, element("figcaption", {}, "Images of the data set"));
    this.node.append(
      element("div", { class: "controls" }, this.button, this.slider),
      element("div", { class: "pictures" },
        element("figure", {}, this.generated, element("figcaption", {}, "Drawn at ", this.label)),
        this.realsFigure));
    cursor.followers.push(() => this.follow());
  }

  show({ run }) {
    this.samples = list(run.samples).filter(({ image }) => isShowable(image));
    this.slider.max = this.samples.length - 1;
    this.realsFigure.hidden = !isShowable(run.reals);
    if (isShowable(run.reals)) this.setImage(this.reals, run.reals);
    this.follow();
    return this.samples.length > 0;
  }

  /** The last sample that was drawn at or before the cursor's step. */
  get index() {
    if (cursor.step === null) return this.samples.length - 1;
    return Math.max(0, this.samples.findLastIndex(({ step }) => step <= cursor.step));
  }

  go(index) {
    cursor.point({ step: index === this.samples.length - 1 ? null : this.samples[index].step });
  }

  toggle() {
    if (this.timer) return this.stop();
    const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.button.textContent = "Pause";
    if (this.index === this.samples.length - 1) this.go(0);
    this.timer = setInterval(() => {
      if (this.index >= this.samples.length - 1) this.stop();
      else this.go(this.index + 1);
    }, calm ? 1500 : 400);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.button.textContent = "Play";
  }

  follow() {
    if (!this.samples?.length) return;
    const { step, image } = this.samples[this.index];
    this.slider.value = this.index;
    this.slider.setAttribute("aria-valuetext", `step ${numberText(step)}`);
    this.label.textContent = `step ${numberText(step)}`;
    this.generated.alt = `Images drawn by the generator at step ${numberText(step)}`;
    this.setImage(this.generated, image);
  }

  setImage(node, address) {
    if (node.getAttribute("src") !== address) node.setAttribute("src", address);
  }
}
