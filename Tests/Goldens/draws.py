"""Counter-based random numbers: Philox4x32-10 (Salmon et al. 2011), as in RandomStreams.

A value depends on (seed, stream, step, example, element) alone. The counter is
(element / 4, example, step, FNV-1a of the stream's name), the key is the seed's low and high half,
and element % 4 selects the word of the block.
"""

import numpy as np

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def philox(counter, key):
    """The four output words of Philox4x32-10, as uint64 arrays.

    counter: four uint64 arrays of one shape, each below 2^32; key: two integers below 2^32.
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        product0 = c0 * np.uint64(0xD2511F53)
        product1 = c2 * np.uint64(0xCD9E8D57)
        c0, c1, c2, c3 = (
            (product1 >> _HALF) ^ c1 ^ np.uint64(k0),
            product1 & _LOW,
            (product0 >> _HALF) ^ c3 ^ np.uint64(k1),
            product0 & _LOW,
        )
        k0 = (k0 + 0x9E3779B9) & 0xFFFFFFFF
        k1 = (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c0, c1, c2, c3


def fnv1a(name):
    """32-bit FNV-1a of a name's UTF-8 bytes."""
    value = 0x811C9DC5
    for byte in name.encode("utf-8"):
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


class RandomStream:
    """A named stream; arrays of draws come as [examples, elements] in float64."""

    def __init__(self, seed, name):
        self.key = (seed & 0xFFFFFFFF, seed >> 32)
        self.identifier = fnv1a(name)

    def _blocks(self, examples, elements, step):
        blocks = -(-elements // 4)
        shape = (examples, blocks)
        counter = (
            np.broadcast_to(np.arange(blocks, dtype=np.uint64)[None, :], shape),
            np.broadcast_to(np.arange(examples, dtype=np.uint64)[:, None], shape),
            np.full(shape, step, dtype=np.uint64),
            np.full(shape, self.identifier, dtype=np.uint64),
        )
        return philox(counter, self.key)

    def words(self, examples, elements, step):
        """The draws themselves, below 2^32, as uint64."""
        words = np.stack(self._blocks(examples, elements, step), axis=-1)
        return words.reshape(examples, -1)[:, :elements]

    def uniform(self, examples, elements, step):
        """((word >> 8) + 0.5) · 2^-24, in (0, 1)."""
        return _uniform(self.words(examples, elements, step))

    def normal(self, examples, elements, step):
        """Box–Muller: words 0 and 1 of a block give its normals 0 and 1, words 2 and 3 the rest."""
        w0, w1, w2, w3 = self._blocks(examples, elements, step)
        normals = np.stack([*_box_muller(w0, w1), *_box_muller(w2, w3)], axis=-1)
        return normals.reshape(examples, -1)[:, :elements]

    def dropout(self, examples, elements, step, rate):
        """Multipliers: 0 where an element's field is below round(rate·2^b), else 1 / (1 − rate).

        A field has b = 2 bits where 4·rate is an integer, else 16; element e's is in word e·b / 32,
        from its bit e·b % 32 up.
        """
        bits = 2 if (4 * rate).is_integer() else 16
        in_a_word = 32 // bits
        words = self.words(examples, -(-elements // in_a_word), step)
        shifts = np.arange(0, 32, bits, dtype=np.uint64)
        fields = (words[..., None] >> shifts) & np.uint64(2**bits - 1)
        dropped = fields.reshape(examples, -1)[:, :elements] < round(rate * 2**bits)
        return np.where(dropped, 0, 1 / (1 - rate))


def _uniform(words):
    return ((words >> np.uint64(8)).astype(np.float64) + 0.5) * 2.0**-24


def _box_muller(radius_word, angle_word):
    radius = np.sqrt(-2 * np.log(_uniform(radius_word)))
    angle = 2 * np.pi * (angle_word >> np.uint64(8)).astype(np.float64) * 2.0**-24
    return radius * np.cos(angle), radius * np.sin(angle)
