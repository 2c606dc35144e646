"""What SciPy, NumPy and mpmath make of seeded data: scipy.json, which StatisticsTests reads.

    python3 scipy_statistics.py     (scipy==1.17.1, numpy==2.4.6, mpmath==1.3.0)

Statistics that do not depend on where zero is are computed after the case's offset is taken off,
which is exact in float64: SciPy itself loses digits to an offset. null stands for what SciPy calls
NaN or infinity, and for what it refuses. Tails are mpmath's, with 60 digits, and the script fails
where SciPy's differ by 1e-9.
"""

import json
import pathlib
import warnings

import mpmath
import numpy as np
from scipy import stats

warnings.simplefilter("ignore")
mpmath.mp.dps = 60
rng = np.random.default_rng(20260)


def number(value):
    """A float that JSON can hold; None for NaN and infinity."""
    return float(value) if value is not None and np.isfinite(value) else None


def numbers(values):
    return [number(value) for value in values]


def normal(size, mean=0.0, deviation=1.0, digits=4):
    return np.round(rng.normal(mean, deviation, size), digits)


def moments(values, offset):
    near = values - offset
    return {
        "count": len(values),
        "mean": float(np.mean(near)) + offset,
        "variance": number(np.var(near, ddof=1)) if len(values) > 1 else None,
        "minimum": float(np.min(values)),
        "maximum": float(np.max(values)),
    }


def variance_analysis(groups):
    """F and p are SciPy's; the rest is by the formulas, over all values at once."""
    f, p = stats.f_oneway(*groups)
    values = np.concatenate(groups)
    sizes = np.array([len(group) for group in groups], float)
    k, n = len(groups), len(values)
    total = np.sum((values - values.mean()) ** 2)
    within = np.sum([np.sum((group - group.mean()) ** 2) for group in groups])
    between = np.sum(sizes * np.array([group.mean() - values.mean() for group in groups]) ** 2)
    msb, msw = between / (k - 1), within / (n - k)
    size = (n - np.sum(sizes**2) / n) / (k - 1)
    return {
        "statistic": number(f),
        "pValue": number(p),
        "betweenMeanSquare": number(msb),
        "withinMeanSquare": number(msw),
        "betweenVariance": number(max(0.0, (msb - msw) / size)),
        "etaSquared": number(between / total),
        "omegaSquared": number((between - (k - 1) * msw) / (total + msw)),
        "intraclassCorrelation": number((msb - msw) / (msb + (size - 1) * msw)),
    }


def rank_analysis(groups):
    h, p = stats.kruskal(*groups)
    n = sum(len(group) for group in groups)
    return {"statistic": number(h), "pValue": number(p), "epsilonSquared": number(h / (n - 1))}


FRACTIONS = [0, 0.001, 0.05, 0.25, 1 / 3, 0.5, 0.75, 0.975, 1]


def grouped(name, groups, offset=0.0):
    groups = [np.asarray(group, float) + offset for group in groups]
    near = [group - offset for group in groups]
    values = np.concatenate(groups)
    deviation = stats.median_abs_deviation(values)
    scores = 0.6745 * (values - np.median(values)) / deviation if deviation > 0 else None
    return {
        "name": name,
        "groups": [group.tolist() for group in groups],
        "moments": [moments(group, offset) for group in groups],
        "all": moments(values, offset),
        "quantiles": np.quantile(values, FRACTIONS).tolist(),
        "modifiedZScores": None if scores is None else scores[:20].tolist(),
        "varianceAnalysis": variance_analysis(near) if len(values) > len(groups) else None,
        "rankAnalysis": rank_analysis(near),
    }


GROUPS = [
    grouped("three ordinary groups", [normal(12), normal(12, 0.5), normal(12, 1)]),
    grouped("unequal sizes", [normal(3), normal(40, 0.2), normal(11, 0.4, 2), normal(7)]),
    grouped("two groups of two", [[1.25, 1.5], [2.0, 2.75]]),
    grouped("a group of one value", [normal(6), [0.75], normal(5, 1)]),
    grouped("only groups of one value", [[1.0], [3.0], [2.0]]),
    grouped("ties", [rng.integers(0, 4, 15), rng.integers(0, 5, 12), rng.integers(1, 4, 9)]),
    grouped("equal means", [[1, 2, 3, 4], [0, 1, 4, 5], [2.5, 2.5]]),
    grouped("all values equal", [[0.25] * 4, [0.25] * 7]),
    grouped("only the groups differ", [[0.25] * 4, [0.5] * 5, [0.75] * 3]),
    grouped("far apart", [normal(100), normal(100, 30), normal(100, 60)]),
    grouped("a hundred million and noise", [normal(30), normal(20, 0.5), normal(25)], 2.0**27),
    grouped("tiny", [normal(8, 0, 1e-9, 15), normal(8, 1e-9, 1e-9, 15)]),
    grouped("eight groups of hundreds", [normal(260, 0.02 * i, 1, 3) for i in range(8)]),
]


def trend(name, x, y):
    x, y = np.asarray(x, float), np.asarray(y, float)
    line = stats.linregress(x, y)
    several = len(x) > 2
    return {
        "name": name,
        "x": x.tolist(),
        "y": y.tolist(),
        "slope": number(line.slope),
        "intercept": number(line.intercept),
        "correlation": number(line.rvalue),
        "standardError": number(line.stderr) if several else None,
        "pValue": number(line.pvalue) if several else None,
    }


steps = np.arange(1, 41) * 100.0
TRENDS = [
    trend("noise around a slope", steps, np.round(0.003 * steps + normal(40, 1), 4)),
    trend("no slope", steps, normal(40)),
    trend("steep and falling", normal(15), np.round(-900 * normal(15) + 3, 4)),
    trend("three points", [1, 2, 4], [3, 3.5, 7]),
    trend("two points", [1, 3], [2, -4]),
    trend("constant y", [1, 2, 3, 4], [0.25] * 4),
    trend("repeated x", [1, 1, 2, 2, 3, 3], normal(6)),
]


def contrast(design, values, row, i, j):
    """Treatments i and j by the general linear model: dummy columns for treatments and blocks."""
    treatments, blocks = values.shape
    coefficients, _, rank, _ = np.linalg.lstsq(design, row, rcond=None)
    freedom = len(row) - rank
    residual = np.sum((row - design @ coefficients) ** 2) / freedom
    weights = np.zeros(design.shape[1])
    weights[i] += 1
    weights[j] -= 1
    difference = weights @ coefficients
    error = np.sqrt(residual * weights @ np.linalg.pinv(design.T @ design) @ weights)
    reach = error * stats.t.ppf(0.975, freedom)
    return {
        "treatment": i,
        "against": j,
        "difference": difference,
        "standardError": error,
        "pValue": 2 * stats.t.sf(abs(difference / error), freedom),
        "low": difference - reach,
        "high": difference + reach,
    }


def blocks(name, values, offset=0.0):
    """F by comparing the least squares of two models: treatments and blocks, and blocks alone."""
    # As they are beside the offset, which has no room for their last digits.
    values = np.asarray(values, float) + offset - offset
    treatments, count = values.shape
    row = values.ravel()
    rows = np.kron(np.eye(treatments), np.ones((count, 1)))
    columns = np.kron(np.ones((treatments, 1)), np.eye(count))
    design = np.hstack([rows, columns])
    squares = [
        np.sum((row - model @ np.linalg.lstsq(model, row, rcond=None)[0]) ** 2)
        for model in (columns, design)
    ]
    freedom = (treatments - 1, (treatments - 1) * (count - 1))
    f = (squares[0] - squares[1]) / freedom[0] / (squares[1] / freedom[1])
    pairs = [(0, 1), (treatments - 1, 0)]
    return {
        "name": name,
        "values": (values + offset).tolist(),
        "treatmentMeans": [float(np.mean(r)) + offset for r in values],
        "residualMeanSquare": squares[1] / freedom[1],
        "residualDegreesOfFreedom": freedom[1],
        "statistic": f,
        "pValue": stats.f.sf(f, *freedom),
        "contrasts": [contrast(design, values, row, i, j) for i, j in pairs],
    }


def additive(treatments, seeds, effect, noise):
    seed = normal(seeds)
    return np.array([effect * i + seed + normal(seeds, 0, noise) for i in range(treatments)])


BLOCKS = [
    blocks("four shard counts, five seeds", additive(4, 5, 0.1, 0.3)),
    blocks("two by two", [[1, 2.5], [2, 3.75]]),
    blocks("no effect", additive(3, 12, 0, 0.2)),
    blocks("a large effect", additive(5, 8, 10, 0.1)),
    blocks("a hundred million and noise", additive(3, 4, 0.5, 0.25), 2.0**27),
]


def paired(name, differences):
    differences = np.asarray(differences, float)
    test = stats.ttest_1samp(differences, 0)
    interval = test.confidence_interval(0.95)
    return {
        "name": name,
        "differences": differences.tolist(),
        "mean": float(np.mean(differences)),
        "standardError": float(stats.sem(differences)),
        "pValue": number(test.pvalue),
        "interval": numbers([interval.low, interval.high]),
        "agreeInSign": bool(np.all(differences > 0) or np.all(differences < 0)),
    }


PAIRED = [
    paired("of one sign", [0.3, 0.5, 0.1, 0.9]),
    paired("of both signs", normal(25)),
    paired("negative", normal(10, -20)),
    paired("two", [1.0, 1.5]),
    paired("one is zero", [0, 0.5, 0.25]),
]


def agrees(exact, scipy):
    """Whether SciPy's figure is the exact one to 1e-9, where it is far from the least double."""
    return exact < 1e-290 or abs(float(exact) - scipy) <= 1e-9 * float(exact)


def fraction(terms):
    """1 / (1 + d1 / (1 + d2 / (1 + …))) to 40 digits, as the sum of what each d changes."""
    total = step = ratio = mpmath.mpf(1)
    for d in terms:
        ratio = 1 / (1 + d * ratio)
        step *= ratio - 1
        total += step
        if abs(step) < abs(total) * mpmath.mpf(10) ** -40:
            return total


def beta_terms(x, a, b):
    """DLMF 8.17.22."""
    m = 0
    while True:
        yield -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        m += 1
        yield m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))


def f_upper(f, d1, d2):
    """I_x(d2/2, d1/2), by its continued fraction on the side where it converges fast."""
    a, b = mpmath.mpf(d2) / 2, mpmath.mpf(d1) / 2
    x = a / (a + b * mpmath.mpf(f))
    weight = a * mpmath.log(x) + b * mpmath.log1p(-x)
    weight += mpmath.loggamma(a + b) - mpmath.loggamma(a) - mpmath.loggamma(b)
    if x < a / (a + b):
        return mpmath.exp(weight) / a * fraction(beta_terms(x, a, b))
    return 1 - mpmath.exp(weight) / b * fraction(beta_terms(1 - x, b, a))


def f_quantile(p, d1, d2):
    """About where the upper tail is p, or 1e250 if that is farther."""
    low, high = 1.0, 1e250
    while high / low > 1.0001:
        middle = np.sqrt(low) * np.sqrt(high)
        low, high = (middle, high) if f_upper(middle, d1, d2) > p else (low, middle)
    return float(f"{high:.6g}")


def chi_squared_upper(x, d):
    """1 − the power series of P(d/2, x/2), with digits to spare for the cancellation."""
    a, x = mpmath.mpf(d) / 2, mpmath.mpf(x) / 2
    with mpmath.workdps(320):
        term = total = 1 / a
        n = 0
        while term > total * mpmath.mpf(10) ** -300:
            n += 1
            term *= x / (a + n)
            total += term
        return 1 - total * mpmath.exp(a * mpmath.log(x) - x - mpmath.loggamma(a))


def tails():
    f, chi, student, quantile = [], [], [], []
    degrees = [1, 2, 3, 7, 30, 1000, 1e6]
    for d1 in degrees:
        for d2 in degrees:
            points = [1e-6, 0.3, 0.97, 1.0, 1.02, 2.5, 17.0]
            points += [f_quantile(p, d1, d2) for p in (1e-20, 1e-100, 1e-250)]
            for point in points:
                exact = f_upper(point, d1, d2)
                if exact < 1e-290:
                    continue
                assert agrees(exact, stats.f.sf(point, d1, d2)), ("f", point, d1, d2)
                f.append([point, d1, d2, float(exact)])
    for d in degrees:
        points = [d * s for s in (1e-6, 0.3, 0.97, 1.0, 1.02, 2.5)]
        points += [float(f"{stats.chi2.isf(p, d):.6g}") for p in (1e-9, 1e-20, 1e-100, 1e-250)]
        for point in points:
            exact = chi_squared_upper(point, d)
            if exact < 1e-290:
                continue
            assert agrees(exact, stats.chi2.sf(point, d)), ("chi2", point, d)
            chi.append([point, d, float(exact)])
    for d in degrees:
        for t in (1e-4, 0.1, -0.67, 1.96, -6.0, 33.0):
            exact = f_upper(mpmath.mpf(t) ** 2, 1, d)
            if exact < 1e-290:
                continue
            assert agrees(exact, 2 * stats.t.sf(abs(t), d)), ("t", t, d)
            student.append([t, d, float(exact)])
        for p in (1e-12, 0.025, 0.4999, 0.5, 0.51, 0.7, 0.8, 0.95, 0.975, 0.9995):
            # SciPy's quantile, refined by Newton's method on the exact tail.
            t = mpmath.mpf(float(stats.t.ppf(p, d)))
            for _ in range(3):
                if p == 0.5:
                    break
                tail = f_upper(t**2, 1, d) / 2
                error = (tail if t < 0 else 1 - tail) - mpmath.mpf(p)
                t -= error / mpmath.mpf(float(stats.t.pdf(float(t), d)))
            quantile.append([p, d, float(t)])
    return {"f": f, "chiSquared": chi, "student": student, "studentQuantile": quantile}


golden = {
    "fractions": FRACTIONS,
    "groups": GROUPS,
    "trends": TRENDS,
    "blocks": BLOCKS,
    "paired": PAIRED,
    "tails": tails(),
}
path = pathlib.Path(__file__).with_name("scipy.json")
path.write_text(json.dumps(golden, allow_nan=False, separators=(",", ":")) + "\n")
