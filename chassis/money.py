"""An amount of money: exact, in one currency of ISO 4217."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from chassis.errors import InvalidInput

# Above it the figures of metrics would not be exact any more.
_LARGEST = Decimal(10) ** 12

# ISO 4217, the codes of money in use; funds, metals and tests are not money one budgets with.
_CODES = """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP
    CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF
    IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD
    MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB
    RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD
    UYU UZS VED VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG
"""
_CODES_WITHOUT_DIGITS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_CODES_WITH_THREE = "BHD IQD JOD KWD LYD OMR TND"
CURRENCIES = frozenset(_CODES.split())
_WITHOUT_DIGITS = frozenset(_CODES_WITHOUT_DIGITS.split())
_WITH_THREE_DIGITS = frozenset(_CODES_WITH_THREE.split())


def digits_of(currency: str) -> int:
    """How many digits its amounts have after the point."""
    if currency in _WITHOUT_DIGITS:
        return 0
    return 3 if currency in _WITH_THREE_DIGITS else 2


@dataclass(frozen=True, slots=True)
class Money:
    """InvalidInput: no currency of ISO 4217, more digits than it has, or more than a company has."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if self.currency not in CURRENCIES:
            raise InvalidInput(f"{self.currency[:10]!r} is no currency of ISO 4217, such as EUR", ("currency",))
        if not self.amount.is_finite() or abs(self.amount) >= _LARGEST:
            raise InvalidInput(f"an amount lies below {_LARGEST:,}", ("amount",))
        digits = digits_of(self.currency)
        whole = self.amount.quantize(Decimal(1).scaleb(-digits))
        if whole != self.amount:
            raise InvalidInput(f"{self.currency} has {digits} digits after the point", ("amount",))
        object.__setattr__(self, "amount", whole)


def read_money(amount: str, currency: str, path: Sequence[str]) -> Money:
    """As it was written. InvalidInput: below the path of the field."""
    try:
        return Money(Decimal(amount), currency)
    except InvalidOperation:
        raise InvalidInput("an amount is a decimal number, such as 1250.00", (*path, "amount")) from None
    except InvalidInput as error:
        raise InvalidInput(error.message, (*path, *error.path)) from None
