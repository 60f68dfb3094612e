from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muelle.core import Money
from muelle.core.money import CurrencyMismatch, InvalidMoney

_MICROS = st.integers(min_value=-(10**18), max_value=10**18)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("1.5", "1.50 EUR"),
        ("0", "0.00 EUR"),
        (7, "7.00 EUR"),
        ("0.000125", "0.000125 EUR"),
        ("-0.01", "-0.01 EUR"),
        ("-1234567.891", "-1234567.891 EUR"),
    ],
)
def test_amounts_are_exact_and_readable(amount: str | int, text: str) -> None:
    assert str(Money.of(amount, "EUR")) == text


@pytest.mark.parametrize("amount", ["0.0000001", "1.2345678", "x", "", "NaN", "Infinity", "1,5"])
def test_what_is_no_amount_is_refused(amount: str) -> None:
    with pytest.raises(InvalidMoney):
        Money.of(amount, "EUR")


@pytest.mark.parametrize("currency", ["", "EU", "EURO", "eur", "€€€"])
def test_what_is_no_currency_is_refused(currency: str) -> None:
    with pytest.raises(InvalidMoney):
        Money.of("1", currency)


def test_currencies_do_not_mix() -> None:
    with pytest.raises(CurrencyMismatch) as refused:
        Money.of("1", "EUR") + Money.of("1", "USD")
    assert refused.value.facts == {"left": "EUR", "right": "USD"}


@given(_MICROS, _MICROS)
def test_adding_and_taking_away_loses_nothing(left: int, right: int) -> None:
    one, other = Money("EUR", left), Money("EUR", right)
    assert one + other + -other == one


@given(_MICROS)
def test_what_is_shown_can_be_read_again(micros: int) -> None:
    money = Money("EUR", micros)
    amount, currency = str(money).split()
    assert Money.of(amount, currency) == money


@pytest.mark.parametrize(("micros", "expected"), [(1, 0), (3, 2), (5, 2), (-1, 0), (-3, -2), (7, 4)])
def test_halves_round_to_even(micros: int, expected: int) -> None:
    assert Money("EUR", micros).times(Decimal("0.5")).micros == expected


def test_amounts_sort_by_currency_and_then_by_value() -> None:
    amounts = [Money("USD", 1), Money("EUR", 2), Money("EUR", 1)]
    assert sorted(amounts) == [Money("EUR", 1), Money("EUR", 2), Money("USD", 1)]
