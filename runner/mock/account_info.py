"""The mock gateway's free account paths: price list and remaining credit."""

from collections.abc import Callable, Mapping

from jobs.job import JSON
from runner.mock.bill import Bill
from runner.mock.endpoints.chat_replies import packed
from runner.mock.error_replies import CONSOLE_PAGE, Canned, openai_error
from runner.mock.settings import (
    PRICE_PER_FILM,
    PRICE_PER_PICTURE,
    PRICE_PER_SONG,
    PRICE_PER_TEXT,
    MockSettings,
)
from runner.mock.validation import InvalidRequest

ACCOUNT_PATHS = frozenset(
    {
        "/api/pricing",
        "/api/usage/token",
        "/v1/dashboard/billing/subscription",
        "/v1/dashboard/billing/usage",
    }
)
UNITS_PER_DOLLAR = 500_000  # quota units per dollar

PRICING: Mapping[str, JSON] = {
    "success": True,
    "data": [
        {"model_name": name, "quota_type": 1, "model_ratio": 0, "model_price": price,
         "completion_ratio": 0, "enable_groups": ["default"]}
        for name, price in (("mock-text", PRICE_PER_TEXT), ("mock-image", PRICE_PER_PICTURE),
                            ("mj_imagine", PRICE_PER_PICTURE), ("mj_blend", PRICE_PER_PICTURE),
                            ("mj_action", PRICE_PER_PICTURE),
                            ("mock-film", PRICE_PER_FILM), ("mock-song", PRICE_PER_SONG))
    ],
    "group_ratio": {"default": 1},
    "usable_group": {"default": "standard"},
}  # fmt: skip
"""A price list with the same prices as the bill."""


class AccountInfo:
    """New API's account paths; each exists only if the settings enable it."""

    def __init__(self, settings: MockSettings, books: Bill) -> None:
        self._settings = settings
        self._books = books
        self._paths: dict[str, Callable[[], JSON]] = {}
        if settings.pricing is not None:
            self._paths["/api/pricing"] = lambda: None
        if settings.credit is not None:
            tills: dict[str, dict[str, Callable[[], JSON]]] = {
                "token": {"/api/usage/token": self._token},
                "billing": {
                    "/v1/dashboard/billing/subscription": self._subscription,
                    "/v1/dashboard/billing/usage": self._usage,
                },
                "html": {"/api/usage/token": lambda: None},
            }
            self._paths |= tills[settings.till]

    def has(self, method: str, path: str) -> bool:
        """True for an account path. Never billed, even if the path is disabled."""
        return method == "GET" and path in ACCOUNT_PATHS

    def answer(self, path: str) -> Canned:
        """The answer, or 404."""
        if path not in self._paths:
            problem = InvalidRequest(message=f"Invalid URL (GET {path})", code="")
            return openai_error(404, problem)
        if path == "/api/pricing":
            given = self._settings.pricing
            if isinstance(given, bytes):
                return Canned(status=200, body=given)
            return Canned(status=200, body=packed(dict(given or {})))
        found = self._paths[path]()
        return CONSOLE_PAGE if found is None else Canned(status=200, body=packed(found))

    @property
    def _used(self) -> float:
        return round(sum(one.price for one in self._books.requests), 9)

    def _token(self) -> JSON:
        credit = self._settings.credit or 0.0
        data: dict[str, JSON] = {
            "object": "token_usage",
            "total_granted": round(credit * UNITS_PER_DOLLAR),
            "total_used": round(self._used * UNITS_PER_DOLLAR),
            "total_available": round((credit - self._used) * UNITS_PER_DOLLAR),
            "unlimited_quota": False,
        }
        return {"code": True, "message": "ok", "data": data}

    def _subscription(self) -> JSON:
        return {"object": "billing_subscription", "hard_limit_usd": self._settings.credit}

    def _usage(self) -> JSON:
        return {"object": "list", "total_usage": round(self._used * 100, 7)}
