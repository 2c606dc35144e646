"""Makes golden.tfevents with TensorBoard's own event file writer and TensorFlow's own histograms.

    python make_golden.py      # tensorflow-cpu 2.21.0, tensorboard 2.21.0

The tests write the same values and compare record by record. Wall times are fixed, except that of
the first record, which names its writer besides and is not compared.
"""

import pathlib
import shutil
import tempfile

import numpy as np
import tensorflow as tf
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter

WALL_TIME = 1700000000.25
HERE = pathlib.Path(__file__).parent


def histogram(tag, values):
    """The summary that TensorFlow's C++ histogram gives."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        serialized = session.run(
            tf.raw_ops.HistogramSummary(tag=tag, values=np.asarray(values, np.float32)))
    return list(summary_pb2.Summary.FromString(serialized).value)


def text(tag, markdown):
    """The summary of TensorBoard's text plugin, which is made of TensorFlow's messages."""
    return summary_pb2.Summary.FromString(text_pb(tag, markdown).SerializeToString())


def spread_values():
    """500 floats of either sign from 2^-45 to 2^24, and zeros, all without rounding."""
    return [np.ldexp(float(i * i % 997 - 498), i % 61 - 45) for i in range(500)]


def events():
    value = summary_pb2.Summary.Value
    start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
    image = summary_pb2.Summary.Image(
        height=2, width=3, colorspace=3,
        encoded_image_string=(HERE / "image.png").read_bytes())
    yield 0, {"session_log": start}
    yield 0, {"summary": text("configuration", "    seed: 1  # ∞")}
    yield 100, {"summary": summary_pb2.Summary(value=[
        value(tag="loss/self", simple_value=0.6931472),
        value(tag="loss/zero", simple_value=0),
        value(tag="loss/real", simple_value=float("nan")),
        value(tag="loss/fake", simple_value=float("-inf")),
    ])}
    yield 100, {"summary": summary_pb2.Summary(value=[value(tag="samples", image=image)])}
    yield 200, {"summary": summary_pb2.Summary(
        value=histogram("spread", spread_values())
        + histogram("ones", [1.0] * 3)
        + histogram("nothing", []))}
    yield 300, {"session_log": start}


def main():
    with tempfile.TemporaryDirectory() as directory:
        writer = EventFileWriter(directory)
        for step, content in events():
            writer.add_event(event_pb2.Event(wall_time=WALL_TIME, step=step, **content))
        writer.close()
        [written] = pathlib.Path(directory).iterdir()
        shutil.copy(written, HERE / "golden.tfevents")


if __name__ == "__main__":
    main()
