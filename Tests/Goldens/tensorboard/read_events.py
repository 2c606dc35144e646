"""Reads event files with TensorBoard's own loader and prints what it finds as JSON.

    python read_events.py FILE_OR_DIRECTORY      # tensorboard 2.21.0, pillow

A directory is read as TensorBoard reads a run: all files, with what restarts drop left out.
Scalars, images, histograms and texts are lists by tag, in the order of the file; the image's pixels
are decoded. A histogram is as TensorBoard shows it: [left, right, count] of each bucket. What is no
finite number is NaN, Infinity or -Infinity, as Python writes and reads them.
"""

import io
import json
import sys

from PIL import Image
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

EVERYTHING = {"tensors": 0}


def decoded(png):
    image = Image.open(io.BytesIO(png))
    image.load()
    return {"width": image.width, "height": image.height, "mode": image.mode,
            "pixels": list(image.tobytes())}


def shown(plugin, tensor):
    """One step's value, as plain data."""
    array = tensor_util.make_ndarray(tensor)
    if plugin == "scalars":
        return float(array)
    if plugin == "histograms":
        return array.tolist()
    if plugin == "images":
        # Width and height as written in the event, then the images.
        width, height, *images = array.tolist()
        return {"declared": [int(width), int(height)], "images": [decoded(i) for i in images]}
    if plugin == "text":
        return array.item().decode()
    raise ValueError(f"plugin {plugin}")


def read(path):
    accumulator = EventAccumulator(path, size_guidance=EVERYTHING, tensor_size_guidance={
        plugin: 0 for plugin in ("scalars", "images", "histograms", "text")})
    accumulator.Reload()
    result = {"file_version": accumulator.file_version}
    for tag, metadata in accumulator.summary_metadata.items():
        plugin = metadata.plugin_data.plugin_name
        result.setdefault(plugin, {})[tag] = [
            {"step": event.step, "wall_time": event.wall_time,
             "value": shown(plugin, event.tensor_proto)}
            for event in accumulator.Tensors(tag)]
    return result


if __name__ == "__main__":
    json.dump(read(sys.argv[1]), sys.stdout, indent=1)
    print()
