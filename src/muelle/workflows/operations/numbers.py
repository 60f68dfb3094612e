"""Numbers that may be stored: finite, and not longer than the limit."""

import math
from functools import lru_cache
from typing import Final

from muelle.packs import Json, Limits
from muelle.workflows.operations.errors import NumberOutOfRange

_BITS_PER_DIGIT: Final = math.log2(10)


def afford_digits(number: Json, limits: Limits) -> None:
    """Raise NumberOutOfRange if an integer has more digits than the limit."""
    if type(number) is int and abs(number) >= _first_too_long(limits.number_digits):
        raise NumberOutOfRange("The number has too many digits", limit=limits.number_digits)


@lru_cache(maxsize=16)
def _first_too_long(digits: int) -> int:
    return int(10**digits)


def bounded_number(number: Json, limits: Limits) -> Json:
    """Return the number; raise NumberOutOfRange if it is infinite, not a number, or too long."""
    if type(number) is float and not math.isfinite(number):
        raise NumberOutOfRange
    afford_digits(number, limits)
    return number


def afford_power(base: float, exponent: float, limits: Limits) -> None:
    """Raise NumberOutOfRange, before anything is computed, if a power of integers would have too many digits."""
    if type(base) is not int or type(exponent) is not int or exponent <= 0 or abs(base) <= 1:
        return
    if (abs(base).bit_length() - 1) * exponent > limits.number_digits * _BITS_PER_DIGIT:
        raise NumberOutOfRange("The power has too many digits", limit=limits.number_digits)
