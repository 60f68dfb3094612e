"""Money as integer micro-units: a millionth of the currency's unit, exact, never a float."""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from muelle.core.errors import Conflict, Invalid

MICROS = 1_000_000
_CODE_LENGTH = 3  # ISO 4217


class InvalidMoney(Invalid):
    """An amount of money is a decimal number with at most six places and a currency of three letters."""

    code = "invalid_money"


class CurrencyMismatch(Conflict):
    """Amounts in different currencies cannot be added."""

    code = "currency_mismatch"


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An exact amount; `currency` first so that sorting groups by it."""

    currency: str
    micros: int

    @classmethod
    def of(cls, amount: str | int, currency: str) -> "Money":
        """Read a decimal amount; raise InvalidMoney on more than six places."""
        code_is_valid = len(currency) == _CODE_LENGTH and currency.isascii() and currency.isupper()
        try:
            micros = Decimal(amount) * MICROS
        except InvalidOperation:
            raise InvalidMoney(amount=str(amount)[:40]) from None
        if not code_is_valid or not micros.is_finite() or micros != micros.to_integral_value():
            raise InvalidMoney(amount=str(amount)[:40], currency=currency[:10])
        return cls(currency, int(micros))

    def __add__(self, other: "Money") -> "Money":
        """Add two amounts of one currency."""
        if other.currency != self.currency:
            raise CurrencyMismatch(left=self.currency, right=other.currency)
        return Money(self.currency, self.micros + other.micros)

    def __neg__(self) -> "Money":
        """Return what would cancel this amount."""
        return Money(self.currency, -self.micros)

    def times(self, factor: Decimal | int) -> "Money":
        """Multiply and round half to even, to the micro-unit."""
        exact = Decimal(self.micros) * factor
        return Money(self.currency, int(exact.quantize(Decimal(1), rounding=ROUND_HALF_EVEN)))

    def __str__(self) -> str:
        """Return at least two places and no idle zeros past them: `1.50 EUR`, `0.000125 EUR`."""
        sign = "-" if self.micros < 0 else ""
        units, rest = divmod(abs(self.micros), MICROS)
        places = f"{rest:06d}".rstrip("0").ljust(2, "0")
        return f"{sign}{units}.{places} {self.currency}"
