"""Run directories, and what NumPy and SciPy say of them: `python make_goldens.py`, with SciPy 1.17.

Every folder beside this file is a run directory with `expected.json`, which has the form of
`selfgan shards --json` for one run. `numbers.json` has decimal texts and the bits of the doubles that
Python reads from them.
"""

import csv
import json
import math
import pathlib
import random
import struct
import warnings

import numpy as np
from scipy import stats

HERE = pathlib.Path(__file__).parent
SHARDS = [
    "loss_self", "loss_generated", "loss_real", "loss_fake", "weight_generated", "weight_real",
    "weight_fake", "validity_generated", "validity_real", "validity_fake", "gradient_norm",
]
WEIGHTS = SHARDS[4:7]
ADDED = ["cosine", "mean_distance", "variance_distance"]


# What a run writes


def text(value):
    return "" if value is None else str(np.float32(value))


def write(case, name, header, rows):
    folder = HERE / case
    folder.mkdir(exist_ok=True)
    with open(folder / name, "w") as file:
        file.write(",".join(header) + "\n")
        for row in rows:
            file.write(",".join(row) + "\n")


def shards(case, steps, replicas, value):
    rows = [
        [str(step), str(replica)] + [text(value(step, replica, column)) for column in SHARDS]
        for step in steps
        for replica in range(replicas)
    ]
    write(case, "shards.csv", ["step", "replica"] + SHARDS, rows)


def like_a_run(seed, replicas, odd=None):
    """Values with a drift, dependent steps, levels of the replicas, and ties of weights."""
    generator = np.random.default_rng(seed)
    levels = generator.normal(0, 0.01, (replicas, len(SHARDS)))
    if odd is not None:
        levels[odd] += 0.3
    state = np.zeros(len(SHARDS))
    cache = {}

    def value(step, replica, column):
        index = SHARDS.index(column)
        if (step, index) not in cache:
            state[index] = 0.8 * state[index] + generator.normal(0, 0.02)
            cache[step, index] = state[index]
        if column == "gradient_norm" and step % 20:
            return None
        noise = generator.normal(0, 0.03 + step * 1e-5)
        result = 0.5 + 0.01 * index - 2e-4 * step + cache[step, index] + levels[replica, index] + noise
        return round(result, 1) if column in WEIGHTS else result

    return value


# The oracle


def read(path):
    """{(step, replica): {column: [values of its rows]}}; None is not measured."""
    table = {}
    with open(path) as file:
        for row in csv.DictReader(file):
            cell = table.setdefault((int(row["step"]), int(row["replica"])), {})
            for column, field in row.items():
                if column not in ("step", "replica", "layer", "pass"):
                    cell.setdefault(column, []).append(float(field) if field else None)
    return table


def spread(values, not_measured, not_finite):
    n = len(values)
    quantiles = np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95]) if n else [None] * 5
    return {
        "count": n, "notMeasured": not_measured, "notFinite": not_finite,
        "mean": np.mean(values) if n else None,
        "standardDeviation": np.std(values, ddof=1) if n > 1 else None,
        "minimum": min(values) if n else None, "maximum": max(values) if n else None,
        **dict(zip(["quantile5", "quantile25", "median", "quantile75", "quantile95"], quantiles)),
    }


def slope(x, y):
    if len(x) < 2:
        return None, None
    line = stats.linregress(x, y)
    return line.slope, line.pvalue if len(x) > 2 and np.ptp(y) > 0 else None


def differences(groups, steps, complete):
    groups = [np.array(group) for group in groups if group]
    pooled = np.concatenate(groups) if groups else np.array([])
    k, n = len(groups), len(pooled)
    result = dict.fromkeys(
        "betweenVariance withinVariance intraclassCorrelation anovaF anovaP etaSquared omegaSquared "
        "kruskalWallisH kruskalWallisP epsilonSquared blockF blockP spreadInStep "
        "lagOneAutocorrelation effectiveSteps".split())
    varies = n > 0 and np.ptp(pooled) > 0
    if k > 1 and n > k:
        within = sum(((group - group.mean()) ** 2).sum() for group in groups)
        between = sum(len(group) * (group.mean() - pooled.mean()) ** 2 for group in groups)
        msb, msw = between / (k - 1), within / (n - k)
        size = (n - sum(len(group) ** 2 for group in groups) / n) / (k - 1)
        result |= {"betweenVariance": max(0, (msb - msw) / size), "withinVariance": msw}
        if varies:
            anova = stats.f_oneway(*groups)
            result |= {
                "intraclassCorrelation": (msb - msw) / (msb + (size - 1) * msw),
                "anovaF": anova.statistic, "anovaP": anova.pvalue,
                "etaSquared": between / (between + within),
                "omegaSquared": (between - (k - 1) * msw) / (between + within + msw),
            }
    if k > 1 and varies:
        kruskal = stats.kruskal(*groups)
        result |= {
            "kruskalWallisH": kruskal.statistic, "kruskalWallisP": kruskal.pvalue,
            "epsilonSquared": kruskal.statistic / (n - 1),
        }
    blocks = np.array(complete)
    if blocks.ndim == 2 and min(blocks.shape) > 1 and np.ptp(blocks) > 0:
        a, b = blocks.shape
        residual = (
            blocks - blocks.mean(1, keepdims=True) - blocks.mean(0, keepdims=True) + blocks.mean())
        msr = (residual**2).sum() / ((a - 1) * (b - 1))
        mst = b * ((blocks.mean(1) - blocks.mean()) ** 2).sum() / (a - 1)
        result |= {"blockF": mst / msr, "blockP": stats.f.sf(mst / msr, a - 1, (a - 1) * (b - 1))}
    deviations = [np.std(values, ddof=1) for _, values in steps if len(values) > 1]
    means = np.array([np.mean(values) for _, values in steps])
    result["steps"] = len(steps)
    if deviations:
        result["spreadInStep"] = np.mean(deviations)
    if len(steps) > 2 and np.ptp(means) > 0:
        d = means - means.mean()
        r = (d[1:] * d[:-1]).sum() / (d**2).sum()
        result["lagOneAutocorrelation"] = r
        result["effectiveSteps"] = min(len(steps), len(steps) * (1 - r) / (1 + r))
    return result


def outliers(groups, tests):
    p = tests["blockP"] if tests["blockP"] is not None else tests["anovaP"]
    if p is None or p >= 0.05:
        return []
    replicas = [replica for replica, group in groups.items() if group]
    means = np.array([np.mean(groups[replica]) for replica in replicas])
    median = np.median(means)
    scale = np.median(abs(means - median))
    scores = 0.6745 * (means - median) / scale
    effects = (means - median) / math.sqrt(tests["withinVariance"])
    return [
        {"replica": replica, "outlierScore": score, "outlierEffect": effect}
        for replica, score, effect in zip(replicas, scores, effects)
        if abs(score) > 3.5 and abs(effect) > 0.2
    ]


def drift(steps):
    thousands = [step / 1000 for step, _ in steps]
    means = [np.mean(values) for _, values in steps]
    spreads = [(step / 1000, np.std(v, ddof=1)) for step, v in steps if len(v) > 1]
    mean, mean_p = slope(thousands, means)
    width, width_p = slope(*zip(*spreads)) if spreads else (None, None)
    result = {"meanSlope": mean, "meanSlopeP": mean_p, "spreadSlope": width, "spreadSlopeP": width_p}
    for quarter in range(4):
        part = means[len(means) * quarter // 4:len(means) * (quarter + 1) // 4]
        result[f"quarter{quarter + 1}"] = np.mean(part) if len(means) > 3 else None
    return result


def summary(name, file, table, column, chosen):
    replicas = sorted({replica for step, replica in table if step in chosen})
    groups = {replica: [] for replica in replicas}
    counts = {replica: [0, 0] for replica in replicas}
    steps = []
    for step in sorted({step for step, _ in table if step in chosen}):
        finite = []
        for replica in replicas:
            if (step, replica) not in table:
                continue
            rows = table[step, replica][column]
            if None in rows:
                counts[replica][0] += 1
            elif not math.isfinite(sum(rows)):
                counts[replica][1] += 1
            else:
                groups[replica].append(sum(rows) / len(rows))
                finite.append(groups[replica][-1])
        if finite:
            steps.append((step, finite))
    complete = np.array([values for _, values in steps if len(values) == len(replicas)]).T
    tests = differences(groups.values(), steps, complete)
    return {
        "column": name, "file": file,
        "all": spread(sum(groups.values(), []), *np.sum(list(counts.values()), axis=0)),
        "replicas": [
            {"replica": replica, "spread": spread(groups[replica], *counts[replica])}
            for replica in replicas
        ],
        "differences": tests, "drift": drift(steps), "outliers": outliers(groups, tests),
    }


def shares(values):
    largest = max(values)
    return [(value == largest) / values.count(largest) for value in values]


def weights(table, chosen):
    own, among = {}, {}
    for step in sorted({step for step, _ in table if step in chosen}):
        rows = {}
        for replica in sorted(replica for other, replica in table if other == step):
            row = [table[step, replica][weight][0] for weight in WEIGHTS]
            if all(value is not None and math.isfinite(value) for value in row):
                rows[replica] = row
                own.setdefault(replica, []).append(shares(row))
        if len(rows) > 1:
            for replica, row in zip(rows, np.array([shares(list(w)) for w in zip(*rows.values())]).T):
                among.setdefault(replica, []).append(row)
    return [
        {
            "replica": replica, "steps": len(rows),
            **{f"largestOfItsOwn.{w}": v for w, v in zip(WEIGHTS, np.mean(rows, axis=0))},
            **{
                f"largestAmongReplicas.{w}": v
                for w, v in zip(
                    WEIGHTS,
                    np.mean(among[replica], axis=0) if replica in among else [None] * 3)
            },
        }
        for replica, rows in sorted(own.items())
    ]


def expected(case, chosen=range(1 << 40), wanted=SHARDS + ADDED):
    folder = HERE / case
    tables = {path.stem: read(path) for path in folder.glob("*.csv")}
    table = tables["shards"]
    steps = sorted({step for step, _ in table if step in chosen})
    columns = []
    for name in wanted:
        for file in ["gradients", "batch_norm", "shards"]:
            if file in tables and name in next(iter(tables[file].values())):
                columns.append(summary(name, f"{file}.csv", tables[file], name, chosen))
                break
    return {
        "run": case, "replicas": sorted({replica for step, replica in table if step in chosen}),
        "loggedSteps": len(steps), "firstStep": steps[0], "lastStep": steps[-1],
        "columns": columns, "weights": weights(table, chosen),
    }


def plain(value):
    """NumPy's numbers as Python's, with 13 digits; what is not finite as null."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.13g}") if math.isfinite(value) else None
    return value


def save(case, name="expected.json", **options):
    text = json.dumps(plain(expected(case, **options)), separators=(",", ":"))
    (HERE / case / name).write_text(text.replace('{"column"', '\n{"column"') + "\n")


# The cases


def make():
    value = like_a_run(1, 8, odd=5)
    shards("ordinary", range(5, 155, 5), 8, value)
    generator = np.random.default_rng(2)
    write(
        "ordinary", "gradients.csv",
        ["step", "replica", "gradient_norm", "cosine", "averaged_norm", "signal", "noise"],
        [
            [str(step), str(replica)] + [text(v) for v in generator.uniform(0.2, 1, 5)]
            for step in range(20, 220, 20) for replica in range(8)
        ])
    write(
        "ordinary", "batch_norm.csv",
        ["step", "replica", "layer", "pass", "mean_distance", "variance_distance"],
        [
            [str(step), str(replica), layer, turn] + [text(v) for v in generator.uniform(0, 1, 2)]
            for step in range(50, 250, 50)
            for layer, turn in [("generator/batch_norm_0", ""), ("discriminator/batch_norm_0", "real")]
            for replica in range(8)
        ])
    save("ordinary")
    save("ordinary", "expected-50-99.json", chosen=range(50, 100), wanted=["loss_self", "cosine"])

    value = like_a_run(3, 3)
    shards(
        "constant", range(1, 13), 3,
        lambda step, replica, column: 0.25 if column == "loss_self" else value(step, replica, column))
    save("constant", wanted=["loss_self", "weight_real"])

    shards("one-replica", range(1, 13), 1, like_a_run(4, 1))
    save("one-replica", wanted=["loss_fake", "weight_fake"])
    shards("two-rows", [7], 2, like_a_run(5, 2))
    save("two-rows", wanted=["loss_fake", "gradient_norm"])

    value = like_a_run(6, 4)
    odd = {(3, 1): math.nan, (4, 2): math.inf, (5, 0): -math.inf, (9, 3): math.nan}

    def with_gaps(step, replica, column):
        if step > 6 and replica == 2 and column != "loss_fake":
            return None
        if column in ("loss_self", "weight_real") and (step, replica) in odd:
            return odd[step, replica]
        return math.nan if column == "loss_fake" else value(step, replica, column)

    shards("not-finite", range(1, 21), 4, with_gaps)
    save("not-finite", wanted=["loss_self", "loss_generated", "loss_fake", "weight_real"])

    value = like_a_run(7, 2)
    shards(
        "classic", range(2, 22, 2), 2,
        lambda step, replica, column: None if column in WEIGHTS else value(step, replica, column))
    save("classic", wanted=["loss_self", "weight_real"])

    random.seed(8)
    numbers = [
        "0", "-0", "0.0", "1", "-1.5", "+2.5", "1e-07", "1.1754944e-38", "3.4028235e+38", "1e22", "1e23",
        "9007199254740993", "123456789012345678901234567890", "0.1", ".5", "5.", "1E5", "1e+5",
        "4.9e-324", "2.4703282292062327e-324", "2.2250738585072011e-308", "1.7976931348623157e308",
        "1e999", "-1e999", "1e-999", "999999999999999e22", "999999999999999e-22", "1" + "0" * 400,
        "0." + "0" * 400 + "1", "inf", "-inf", "Infinity", "+inf", "-Infinity",
    ]
    for _ in range(100):
        bits = random.getrandbits(32)
        single = struct.unpack("f", struct.pack("I", bits))[0]
        if math.isfinite(single):
            numbers.append(str(np.float32(single)))
        double = struct.unpack("d", struct.pack("Q", random.getrandbits(64)))[0]
        if math.isfinite(double):
            numbers.append(repr(double))
        digits = random.randint(1, 25)
        numbers.append(f"{random.randrange(10**digits)}e{random.randint(-40, 40)}")
    (HERE / "numbers.json").write_text(
        json.dumps(
            [[n, struct.pack(">d", float(n)).hex()] for n in numbers], separators=(",", ":")) + "\n")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    make()
