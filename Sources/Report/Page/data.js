// The document: its numbers as text, its quantities, and what is said of them in words.

/** Everything that is measured a replica and step: column of the document → [group, name]. */
const quantityNames = {
  loss_self: ["Loss", "self"],
  loss_generated: ["Loss", "generated"],
  loss_real: ["Loss", "real"],
  loss_fake: ["Loss", "fake"],
  weight_generated: ["Weight", "generated"],
  weight_real: ["Weight", "real"],
  weight_fake: ["Weight", "fake"],
  validity_generated: ["Validity", "generated"],
  validity_real: ["Validity", "real"],
  validity_fake: ["Validity", "fake"],
  gradient_norm: ["Gradient", "norm"],
  cosine: ["Gradient", "cosine"],
};

const list = (value) => (Array.isArray(value) ? value : []);
const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const hasValues = (values) => list(values).some(isNumber);

const grouped = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** A number of at most four significant digits; a whole one with all of its digits. */
function numberText(value) {
  if (!isNumber(value)) return "–";
  const size = Math.abs(value);
  const text =
    Number.isInteger(value) && size < 1e15 ? whole.format(value)
    : size >= 1e6 || size < 1e-4 ? value.toExponential(2)
    : grouped.format(value);
  return text.replace("-", "−");
}

const aligned = new Intl.NumberFormat("en", { minimumSignificantDigits: 4, maximumSignificantDigits: 4 });

/** A number among others of its kind, with all four digits where it is not whole. */
function alignedText(value) {
  const isPlain = isNumber(value) && !Number.isInteger(value) && !numberText(value).includes("e");
  return isPlain ? aligned.format(value).replace("-", "−") : numberText(value);
}

/** A difference, with its sign and three digits. */
function signedText(value) {
  const rounded = isNumber(value) ? Number(value.toPrecision(3)) : value;
  return rounded > 0 ? `+${numberText(rounded)}` : numberText(rounded);
}

function textOf(value) {
  return typeof value === "number" ? numberText(value) : value === null ? "–" : String(value);
}

/** "3 runs", "1 run". */
function counted(count, noun) {
  return `${whole.format(count)} ${noun}${count === 1 ? "" : "s"}`;
}

function capitalized(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** "Self loss", "Gradient norm". */
function labelOf(group, name) {
  const words = group === "Gradient" ? `${group} ${name}`
    : group === "Other" ? name : `${name} ${group.toLowerCase()}`;
  return capitalized(words);
}

/** A column of the document with steps, every list present. */
function statistic(steps, column) {
  return {
    steps: list(steps), mean: list(column?.mean), low: list(column?.low), high: list(column?.high),
    replicas: list(column?.replicas).map(list), spread: column?.spread ?? null,
  };
}

/** The quantities that a run has numbers of, in a fixed order; unknown columns come last. */
function quantitiesOf(run) {
  const found = [];
  for (const part of [run.series, run.gradients]) {
    for (const [key, column] of Object.entries(part?.columns ?? {})) {
      const [group, name] = quantityNames[key] ?? ["Other", key.replaceAll("_", " ")];
      const values = statistic(part.steps, column);
      if (!hasValues(values.mean)) continue;
      found.push({ key, group, name, label: labelOf(group, name), ...values });
    }
  }
  const order = Object.keys(quantityNames);
  const place = ({ key }) => (order.includes(key) ? order.indexOf(key) : order.length);
  return found.sort((a, b) => place(a) - place(b));
}

/** The last step that a run has numbers of; at least 1. */
function lastStepOf(run) {
  const ends = [run.series, run.gradients, run.batchNorm, run.speed].map((part) =>
    list(part?.steps).at(-1));
  return Math.max(1, ...ends.filter(isNumber));
}

/** The index of the value of ascending `steps` that is nearest to `step`; the last for null. */
function nearestIndex(steps, step) {
  if (step === null) return steps.length - 1;
  let low = 0;
  let high = steps.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (steps[middle] <= step) low = middle;
    else high = middle;
  }
  return high > 0 && step - steps[low] > steps[high] - step ? high : Math.max(low, 0);
}

/** The smallest and the largest number of several lists, or null where there is none. */
function extent(...lists) {
  let low = Infinity;
  let high = -Infinity;
  for (const values of lists) {
    for (const value of values) {
      if (!isNumber(value)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return low <= high ? [low, high] : null;
}

/** Mean and standard deviation (n − 1) of the numbers in a list. */
function moments(values) {
  const numbers = values.filter(isNumber);
  const mean = numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
  const squares = numbers.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { count: numbers.length, mean, deviation: Math.sqrt(squares / (numbers.length - 1)) };
}

/** The values of all replicas at one index. */
function replicasAt(quantity, index) {
  return quantity.replicas.map((values) => values[index]);
}

/**
 * How replicas differ: `deviations[replica][index]` from the mean of all replicas there, and
 * `lasting[replica]`, its mean over the run. How far replicas lie apart in one step is the
 * quantity's `spread`: a point of a long run is a mean of many steps.
 */
function differences(quantity) {
  const deviations = quantity.replicas.map(() => []);
  quantity.steps.forEach((_, index) => {
    const values = replicasAt(quantity, index);
    const { mean } = moments(values);
    values.forEach((value, replica) => {
      deviations[replica].push(isNumber(value) ? value - mean : null);
    });
  });
  return { deviations, lasting: deviations.map((values) => moments(values).mean) };
}

/** What a curve did: "lowest …, highest …, last …". */
function curveFinding(quantity) {
  const { steps, mean, low, high } = quantity;
  const range = extent(mean);
  if (!range) return "no values.";
  const last = mean.findLastIndex(isNumber);
  const at = (value) => `${numberText(value)} at step ${numberText(steps[mean.indexOf(value)])}`;
  const band = isNumber(low[last]) && isNumber(high[last]) && low[last] !== high[last]
    ? ` (replicas ${numberText(low[last])} to ${numberText(high[last])})` : "";
  if (mean.filter(isNumber).length === 1) return `only ${at(range[0])}${band}.`;
  return `lowest ${at(range[0])}, highest ${at(range[1])}, last ${numberText(mean[last])}${band}.`;
}

/** What the replicas of a quantity did, in two sentences. */
function replicaFinding(quantity) {
  if (quantity.replicas.length < 2) return "One replica: there is no other to differ from.";
  const { lasting } = differences(quantity);
  const { spread } = quantity;
  if (!isNumber(spread)) return "No two replicas have values at the same step.";
  const sizes = lasting.map((value) => (isNumber(value) ? Math.abs(value) : 0));
  const farthest = sizes.indexOf(Math.max(...sizes));
  const share = isNumber(spread) && spread > 0
    ? `, ${numberText(Math.round((100 * sizes[farthest]) / spread))}% of that` : "";
  return `In one step replicas differ by a standard deviation of ${numberText(spread)}. ` +
    `Over the whole run replica ${farthest} stays farthest from their mean: ` +
    `${signedText(lasting[farthest])}${share}.`;
}

/** Whether a run is done. A live page's is taken to go on. */
function runProgress(run) {
  return run.finished ? "finished" : isLive ? "running" : "unfinished";
}

/** How far a run is, in words. */
function runState(run) {
  const at = isNumber(run.lastStep) ? `step ${numberText(run.lastStep)}` : "no step logged";
  const of = isNumber(run.totalSteps) ? ` of ${numberText(run.totalSteps)}` : "";
  return `${runProgress(run)}, ${at}${of}`;
}
