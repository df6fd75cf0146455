"""Probabilities as 16-bit integers, fine near 0 and near 1: what is counted of a million images.

A probability below a half is kept as itself, one from a half on as its distance from 1; both as bfloat16,
with eight significant bits (https://en.wikipedia.org/wiki/Bfloat16_floating-point_format). So 0.99999 and
0.999991 are different, and a thousand images or a million fill a few thousand bins. Order is kept, and what
differs by less than a part in 128 of its distance from 0 or 1 may be equal.
"""

import sys
from array import array
from collections.abc import Iterable
from math import inf, nextafter
from struct import pack, unpack

_UPPER = 1 if sys.byteorder == "little" else 0  # the half of a float32 with its exponent
_SIGN = 0x8000  # of the bins from a half on, whose content is below zero: minus the distance from 1


def bins(probabilities: Iterable[float]) -> "array[int]":
    """The bin of each probability."""
    # `-0.0` for a probability of 1: the sign says from which end the distance is
    signed = array("f", [p if p < 0.5 else (p - 1 or -0.0) for p in probabilities])
    return array("H", signed.tobytes())[_UPPER::2]


def rank(number: int) -> int:
    """A bin's place in the order of probabilities."""
    return number if number < _SIGN else _SIGN + 0xFFFF - number


def value(number: int) -> float:
    """The probability that stands for a bin: its end that is nearest to 0, or to 1."""
    signed: float = unpack(">f", pack(">HH", number, 0))[0]
    return 1 + signed if number & _SIGN else signed


def below(number: int) -> float:
    """The threshold that exactly the probabilities of this bin and of higher ones exceed."""
    if number & _SIGN:
        return min(value(number + 1), nextafter(1, 0))  # 1 is a distance of 0 from 1
    return nextafter(value(number), -inf)
