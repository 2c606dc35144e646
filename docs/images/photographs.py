"""Makes a data set of photographs: random square crops, as a folder of WebP files and as an LMDB like LSUN's.

    pip install pillow lmdb
    python photographs.py OUTPUT_DIRECTORY COUNT DIRECTORY…

Crops are a quarter to the whole of the smaller side of a photograph found in the directories (Debian's
plasma-workspace-wallpapers, gnome-backgrounds and mate-backgrounds hold some), at most 256 pixels wide.
OUTPUT_DIRECTORY/folder and OUTPUT_DIRECTORY/lmdb hold the same bytes under the same names.
"""

import io
import random
import sys
from pathlib import Path

import lmdb
from PIL import Image, ImageStat

LARGEST = 256
# A crop whose channels deviate by less is sky or a drawing's flat ground.
SMALLEST_DEVIATION = 12


def photographs(directories):
    names = (path for directory in directories for path in sorted(Path(directory).rglob("*")))
    for path in names:
        if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp") and path.is_file():
            with Image.open(path) as image:
                if min(image.size) >= LARGEST:
                    image = image.convert("RGB")
                    image.thumbnail((1600, 1600), Image.Resampling.LANCZOS)
                    yield image


def crop(image, numbers):
    side = int(min(image.size) * numbers.uniform(0.25, 1))
    left = numbers.randint(0, image.width - side)
    top = numbers.randint(0, image.height - side)
    part = image.crop((left, top, left + side, top + side))
    part.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
    return part


def main(output, count, directories):
    output = Path(output)
    (output / "folder").mkdir(parents=True)
    images = list(photographs(directories))
    print(len(images), "photographs", file=sys.stderr)
    numbers = random.Random(1)
    made = 0
    with lmdb.open(str(output / "lmdb"), map_size=1 << 32) as environment:
        with environment.begin(write=True) as transaction:
            while made < count:
                part = crop(numbers.choice(images), numbers)
                if min(ImageStat.Stat(part).stddev) < SMALLEST_DEVIATION:
                    continue
                encoded = io.BytesIO()
                part.save(encoded, "WEBP", quality=90)
                name = f"{made:06}.webp"
                (output / "folder" / name).write_bytes(encoded.getvalue())
                transaction.put(name.encode(), encoded.getvalue())
                made += 1


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit("usage: python photographs.py OUTPUT_DIRECTORY COUNT DIRECTORY…")
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
