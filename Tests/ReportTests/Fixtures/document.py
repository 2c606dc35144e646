"""Writes document.json: a small document with everything that a report can have, seeded.

    python3 document.py > document.json
"""

import base64
import json
import struct
import zlib

import numpy as np

HOSTILE = "</script><script>alert(1)</script><!-- <img src=x onerror=alert(2)> & \u2028\u2029 {{script}}"
random = np.random.default_rng(7)


def numbers(values):
    return [None if not np.isfinite(value) else round(float(value), 5) for value in values]


def column(values):
    """`values` are [replica, step]."""
    return {
        "mean": numbers(values.mean(0)), "low": numbers(values.min(0)),
        "high": numbers(values.max(0)), "replicas": [numbers(replica) for replica in values],
    }


def chunk(kind, content):
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def image(size=8):
    rows = random.integers(0, 255, (size, size), dtype=np.uint8)
    content = b"".join(b"\0" + row.tobytes() for row in rows)
    png = (b"\x89PNG\r\n\x1a\n"
           + chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0))
           + chunk(b"IDAT", zlib.compress(content)) + chunk(b"IEND", b""))
    return "data:image/png;base64," + base64.b64encode(png).decode()


def run(name, replicas, count, dynamic=True, problems=()):
    steps = [100 * (index + 1) for index in range(count)]
    parts = {name: random.normal(mean, 0.03, (replicas, count))
             for name, mean in (("generated", 0.7), ("real", 0.4), ("fake", 0.75))}
    total = sum(parts.values())
    losses = {"self": sum(part**2 for part in parts.values()) / total, **parts}
    losses["real"][:, count // 2] = np.nan
    columns = {f"loss_{name}": column(values) for name, values in losses.items()}
    if dynamic:
        columns |= {f"weight_{name}": column(part / total) for name, part in parts.items()}
    columns |= {f"validity_{name}": column(np.exp(-part)) for name, part in parts.items()}
    return {
        "name": name, "path": f"runs/{name}", "replicas": replicas, "totalSteps": 2000,
        "lastStep": steps[-1], "finished": False, "problems": list(problems),
        "configuration": f"replicas: {replicas}\nsteps: 2000\n# {HOSTILE}\n",
        "machine": [["cores", 2]], "facts": [["objective", "selfTPU"], ["seed", 1]],
        "series": {"steps": steps, "columns": columns},
        "gradients": {
            "steps": steps[::2],
            "columns": {"gradient_norm": column(random.gamma(9, 0.05, (replicas, len(steps[::2])))),
                        "cosine": column(random.uniform(0.4, 0.9, (replicas, len(steps[::2]))))},
            "averagedNorm": numbers(random.gamma(9, 0.03, len(steps[::2]))),
            "noiseScale": numbers(random.gamma(4, 50, len(steps[::2]))),
        },
        "batchNorm": {
            "steps": steps[::3],
            "layers": [{"name": f"generator/batch_norm_{layer}",
                        "mean": column(random.gamma(4, 0.05, (replicas, len(steps[::3])))),
                        "variance": column(random.gamma(4, 0.1, (replicas, len(steps[::3]))))}
                       for layer in range(2)],
        },
        "speed": {"steps": steps, "millisecondsPerStep": numbers(random.gamma(80, 0.1, count))},
        "samples": [{"step": step, "image": image()} for step in steps[4::5]], "reals": image(),
        "tables": [{
            "title": "Replicas", "note": HOSTILE,
            "columns": [{"name": "Replica", "numeric": True, "help": None},
                        {"name": "Self loss", "numeric": True, "help": "mean over the run"},
                        {"name": "Remark", "numeric": False, "help": None}],
            "rows": [[replica, round(float(losses["self"][replica].mean()), 5), None]
                     for replica in range(replicas)],
            "marks": [[0, 1, "high"]],
        }],
    }


damaged = dict.fromkeys(run("", 1, 2)) | {
    "name": HOSTILE, "path": "runs/damaged", "finished": False, "problems": [HOSTILE], "facts": [],
    "machine": [], "samples": [], "tables": [],
}
comparison = {
    "headline": ["The self loss does not change with the number of shards.", HOSTILE],
    "tables": [],
    "charts": [{
        "title": "Self loss by number of shards", "x": [1, 3], "xLabel": "shards",
        "yLabel": "self loss", "note": None,
        "series": [{"name": "self", "mean": [0.61, 0.62], "low": [0.6, None], "high": [0.62, None]}],
    }],
}
runs = [run("three", 3, 12), run("whole batch", 1, 12), run("classic", 3, 1, dynamic=False), damaged]
print(json.dumps({
    "title": "A report", "generated": "2026-01-01T00:00:00Z", "program": "selfgan",
    "runs": runs, "comparison": comparison,
}, ensure_ascii=False, separators=(",", ":")))
