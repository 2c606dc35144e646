"""Writes small images of every kind that is read, and what Pillow makes of them.

    python make_images.py .

`pillow.json` holds, for each case, a file, a mode ("RGB" or "L"), a size and a filter, and the levels
of `Image.open(file).convert(mode).resize((width, height), filter)` in HWC order, as base64. The 16
bits of `sixteen.png` are divided by 257 instead, since Pillow's modes of 16 bits have no such
conversion.
"""

import array
import base64
import json
import math
import pathlib
import random
import sys

from PIL import Image

FILTERS = {
    "lanczos": Image.Resampling.LANCZOS,
    "bilinear": Image.Resampling.BILINEAR,
}


def drawing(width, height, channels):
    """Waves with noise and one hard edge, which makes Lanczos overshoot."""
    noise = random.Random(width * 1000 + height * 10 + channels)
    image = Image.new({1: "L", 3: "RGB", 4: "RGBA"}[channels], (width, height))
    for y in range(height):
        for x in range(width):
            levels = [
                int(127 + 90 * math.sin(x / (2 + c) + y / (5 - c)) + noise.randint(-30, 30))
                for c in range(channels)
            ]
            if x > 0.7 * width and y > 0.4 * height:
                levels = [255 if (x + y) % 7 else 0] * channels
            levels = [min(max(level, 0), 255) for level in levels]
            image.putpixel((x, y), levels[0] if channels == 1 else tuple(levels))
    return image


def sixteen_bits(width, height):
    """All magnitudes, from 0 to 65535."""
    count = width * height
    return array.array("H", [65535 * i // (count - 1) for i in range(count)])


def write_files(place):
    grey, colour, alpha = (drawing(24, 20, channels) for channels in (1, 3, 4))
    colour.save(place / "colour.png")
    grey.save(place / "grey.png")
    alpha.save(place / "alpha.png")
    levels = sixteen_bits(*SAME)
    Image.frombytes("I;16", SAME, levels.tobytes()).save(place / "sixteen.png")
    palette = colour.quantize(16)
    palette.save(place / "palette.png", transparency=3)
    colour.save(place / "colour.jpg", quality=90)
    colour.save(place / "progressive.jpg", quality=80, progressive=True, subsampling=0)
    grey.save(place / "grey.jpg", quality=85)
    colour.convert("CMYK").save(place / "cmyk.jpg")
    colour.save(place / "colour.webp", quality=90)
    colour.save(place / "lossless.webp", lossless=True)
    alpha.save(place / "alpha.webp", lossless=True, exact=True)
    colour.save(
        place / "animated.webp", save_all=True, append_images=[colour.rotate(90)], lossless=True)
    drawing(120, 90, 3).save(place / "large.webp", quality=75)


SAME = (24, 20)
DECODED = [
    "colour.png", "grey.png", "alpha.png", "palette.png", "colour.jpg", "progressive.jpg",
    "grey.jpg", "colour.webp", "lossless.webp", "alpha.webp",
]
# Narrower, wider, along one axis only, to one pixel.
SIZES = [(16, 16), (33, 41), (24, 7), (9, 20), (1, 1)]


def cases():
    for file in DECODED:
        for mode in ("RGB", "L"):
            yield file, mode, SAME, "lanczos"
    for filter in FILTERS:
        for size in SIZES:
            yield "colour.png", "RGB", size, filter
        yield "grey.png", "L", (32, 32), filter
        yield "large.webp", "RGB", (16, 16), filter
        yield "large.webp", "L", (32, 8), filter


def record(file, mode, size, filter, levels):
    return {
        "file": file, "channels": len(mode), "filter": filter, "height": size[1],
        "width": size[0], "levels": base64.b64encode(levels).decode(),
    }


def main(place):
    write_files(place)
    records = []
    for file, mode, size, filter in cases():
        with Image.open(place / file) as image:
            result = image.convert(mode).resize(size, FILTERS[filter])
        records.append(record(file, mode, size, filter, result.tobytes()))
    levels = bytes(round(level / 257) for level in sixteen_bits(*SAME))
    records.append(record("sixteen.png", "L", SAME, "lanczos", levels))
    text = ",\n".join(json.dumps(record) for record in records)
    (place / "pillow.json").write_text(f"[\n{text}\n]\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
