"""The cost of calls: usage under all names, price lists of all shapes, and the book."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.job import JSON
from jobs.result import Picture, Result
from runner.endpoints.dialects.usage import read_usage
from runner.prices.balance import Balance, read_billing, read_token_usage
from runner.prices.book import book
from runner.prices.gateway_prices import read_price_list
from runner.prices.money import nanos
from runner.prices.price_list import PriceList
from runner.prices.request import UNLIMITED_ANSWER_TOKENS, PricedRequest
from runner.prices.tariff import Source, Tariff
from runner.prices.user_prices import OwnPrice
from runner.steps.priced_request import priced_request


def answered(usage: JSON = None, pictures: int = 0) -> Result:
    return Result(
        usage=read_usage(usage), pictures=(Picture(url="https://cdn.example/a.png"),) * pictures
    )


def ask(model: str = "m", endpoint: str = "chat", **fields: JSON) -> PricedRequest:
    return priced_request(endpoint, model, {"prompt": "a cat", **fields})


RATES = Tariff(
    source=Source.SETTINGS,
    input=Decimal(3),
    output=Decimal(15),
    cached=Decimal("0.3"),
    written=Decimal("3.75"),
    written_hour=Decimal(6),
    picture_input=Decimal(10),
)
NOTHING: dict[str, JSON] = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 1000, "completion_tokens": 100}, 0.0045),
        # OpenAI includes cached tokens
        (
            {"prompt_tokens": 1000, "completion_tokens": 100,
             "prompt_tokens_details": {"cached_tokens": 400}},
            (600 * 3 + 400 * 0.3 + 100 * 15) / 1e6,
        ),
        # Anthropic counts them separately
        (
            {"input_tokens": 600, "output_tokens": 100, "cache_read_input_tokens": 400},
            (600 * 3 + 400 * 0.3 + 100 * 15) / 1e6,
        ),
        (
            {"input_tokens": 600, "output_tokens": 100, "cache_creation_input_tokens": 300,
             "cache_creation": {"ephemeral_5m_input_tokens": 200,
                                "ephemeral_1h_input_tokens": 100}},
            (600 * 3 + 200 * 3.75 + 100 * 6 + 100 * 15) / 1e6,
        ),
        # a gateway that converted the format but kept them separate
        (
            {"prompt_tokens": 100, "completion_tokens": 100,
             "prompt_tokens_details": {"cached_tokens": 400}},
            (100 * 3 + 400 * 0.3 + 100 * 15) / 1e6,
        ),
        # New API mixes both naming schemes
        (
            {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100,
             "input_tokens": 0, "output_tokens": 0, "input_tokens_details": None},
            0.0045,
        ),
        (
            {"input_tokens": 712, "output_tokens": 1056, "total_tokens": 1768,
             "input_tokens_details": {"text_tokens": 34, "image_tokens": 678}},
            (34 * 3 + 678 * 10 + 1056 * 15) / 1e6,
        ),
        ({"prompt_tokens": 11, "total_tokens": 11}, 11 * 3 / 1e6),
        (NOTHING, None),
        (None, None),
        ({"total_tokens": 12, "prompt_tokens": 3}, None),
        # xAI counts reasoning apart from completion tokens, Gemini only in the total
        (
            {"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 135,
             "completion_tokens_details": {"reasoning_tokens": 94}},
            (32 * 3 + 103 * 15) / 1e6,
        ),
        (
            {"prompt_tokens": 9, "completion_tokens": 10, "total_tokens": 719},
            (9 * 3 + 710 * 15) / 1e6,
        ),
        (
            {"prompt_tokens": 9, "completion_tokens": 10,
             "completion_tokens_details": {"reasoning_tokens": 94}},
            (9 * 3 + 104 * 15) / 1e6,
        ),
        # included, as OpenAI counts them
        (
            {"prompt_tokens": 32, "completion_tokens": 103, "total_tokens": 135,
             "completion_tokens_details": {"reasoning_tokens": 94}},
            (32 * 3 + 103 * 15) / 1e6,
        ),
        # the difference to the total is the cached input
        (
            {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1500,
             "prompt_tokens_details": {"cached_tokens": 400}},
            (1000 * 3 + 400 * 0.3 + 100 * 15) / 1e6,
        ),
    ],
)  # fmt: skip
def test_every_spelling_of_usage_comes_to_its_own_cost(usage: JSON, expected: float | None) -> None:
    prices = PriceList(gateway={"m": RATES})
    found = prices.cost(ask(), answered(usage))
    assert (found.amount if found else None) == (
        pytest.approx(expected, abs=1e-9) if expected is not None else None
    )


def test_a_price_goes_by_the_settings_then_the_gateway_then_the_book() -> None:
    own = {"gpt-4o": OwnPrice(call=1.0)}
    theirs = replace(RATES, source=Source.GATEWAY)
    gateway = {"gpt-4o": theirs, "gpt-4o-mini": theirs}
    prices = PriceList(own=own, gateway=gateway)
    sources = [found.source if (found := prices.of(name)) else None for name in
               ("gpt-4o", "gpt-4o-mini", "text-embedding-3-small", "nobody-knows")]  # fmt: skip
    assert sources == [Source.SETTINGS, Source.GATEWAY, Source.BOOK, None]


def test_what_the_book_says_is_an_estimate_with_its_date() -> None:
    found = PriceList().cost(ask("gpt-4o"), answered({"prompt_tokens": 1000,
                                                      "completion_tokens": 100}))  # fmt: skip
    assert found is not None
    assert (found.amount, found.currency, found.estimate) == (0.0035, "USD", True)
    assert book().date == "2026-11-23"


@pytest.mark.parametrize(
    ("model", "fields", "expected"),
    [
        ("dall-e-3", {}, 0.04),
        ("dall-e-3", {"size": "1792x1024", "quality": "hd"}, 0.12),
        ("dall-e-2", {"size": "256x256", "n": 3}, 0.048),
        ("gpt-image-1", {"size": "1024x1024", "quality": "high"}, 0.167),
        ("gpt-image-1", {"size": "1536×1024", "quality": "low"}, 0.016),
        ("gpt-image-1", {"quality": "auto"}, None),
    ],
)
def test_pictures_cost_by_size_and_quality_without_token_counts(
    model: str, fields: dict[str, JSON], expected: float | None
) -> None:
    count = int(str(fields.get("n", 1)))
    found = PriceList().cost(ask(model, "image", **fields), answered(pictures=count))
    assert (found.amount if found else None) == expected


def test_an_own_price_adds_call_pictures_and_tokens() -> None:
    prices = PriceList(own={"m": OwnPrice(call=0.01, picture=0.1, input=1, output=2)})
    result = answered({"prompt_tokens": 10**6, "completion_tokens": 10**6}, pictures=2)
    found = prices.cost(ask(), result)
    assert found is not None
    assert found.amount == 3.21


# --- ceilings -------------------------------------------------------------------------------------


@pytest.mark.parametrize("endpoint", ["chat", "messages", "image", "chat-image", "embedding"])
def test_nothing_costs_more_than_its_ceiling(endpoint: str) -> None:
    text = "漢字 and words " * 50
    question = ask("m", endpoint, prompt=text, max_tokens=200, n=2)
    prices = PriceList(gateway={"m": RATES})
    ceiling = prices.ceiling(question)
    output = 0 if endpoint == "embedding" else 13_000 if endpoint == "image" else 400
    usage: JSON = {"prompt_tokens": len(text.encode()), "completion_tokens": output}
    cost = prices.cost(question, answered(usage, pictures=2))
    assert ceiling is not None
    assert cost is not None
    assert cost.amount <= ceiling.amount


def test_a_limit_in_the_body_is_what_bounds_an_answer() -> None:
    prices = PriceList(own={"m": OwnPrice(output=1_000_000)})
    given: list[dict[str, JSON]] = [
        {"max_tokens": 9},
        {"body.max_tokens": 9},
        {"params": {"max_tokens": "9"}},
    ]
    for fields in given:
        found = prices.ceiling(priced_request("chat", "m", fields))
        assert found is not None
        assert found.amount == 9
    unlimited = prices.ceiling(ask("m"))
    assert unlimited is not None
    assert unlimited.amount == UNLIMITED_ANSWER_TOKENS


PICTURE_IN: JSON = [{"kind": "url", "url": "https://a.example/in.png"}]


@pytest.mark.parametrize(
    ("endpoint", "model", "fields", "worst"),
    [
        # 4,096 tokens of text after 32,000 of thinking, as the endpoint requests
        ("messages", "claude-3-5-sonnet-20241022", {"thinking": 32000},
         {"input_tokens": 20, "output_tokens": 36_096}),
        ("messages", "claude-3-5-sonnet-20241022", {"thinking": {"budget_tokens": 32000}},
         {"input_tokens": 20, "output_tokens": 36_096}),
        # a service that does not count thinking towards max_tokens
        ("chat", "gpt-4o", {"max_tokens": 100, "body.thinking_budget": 8000},
         {"prompt_tokens": 20, "completion_tokens": 100, "total_tokens": 8_120}),
        ("chat", "gpt-4o",
         {"max_tokens": 100, "params": {"extra_body": {"thinking": {"budget_tokens": 8000}}}},
         {"prompt_tokens": 20, "completion_tokens": 8_100}),
        # a picture with eight tiles
        ("chat", "gpt-4o-mini", {"max_tokens": 100, "image": PICTURE_IN, "detail": "high"},
         {"prompt_tokens": 48_200, "completion_tokens": 100}),
        ("chat", "unknown-vision", {"max_tokens": 100, "image": PICTURE_IN},
         {"prompt_tokens": 48_200, "completion_tokens": 100}),
        ("chat", "gpt-4o", {"max_tokens": 9, "params": {"messages": [{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "https://a.example/i.png"}}]}]}},
         {"prompt_tokens": 1_500, "completion_tokens": 9}),
        ("image-edit", "gpt-image-1", {"image": PICTURE_IN, "input_fidelity": "high"},
         {"input_tokens": 7_300, "output_tokens": 6_240,
          "input_tokens_details": {"image_tokens": 7_280}}),
        ("image", "seedream-x", {"size": "4K"},
         {"input_tokens": 5, "output_tokens": 65_536, "total_tokens": 65_541}),
        ("image", "seedream-x", {}, {"input_tokens": 5, "output_tokens": 16_384}),
    ],
)  # fmt: skip
def test_the_most_a_call_may_cost_is_never_below_what_it_can_cost(
    endpoint: str, model: str, fields: dict[str, JSON], worst: JSON
) -> None:
    unknown = {"unknown-vision": RATES, "seedream-x": RATES}
    prices = PriceList(gateway=unknown)
    question = ask(model, endpoint, **fields)
    ceiling, cost = prices.ceiling(question), prices.cost(question, answered(worst, pictures=1))
    assert ceiling is not None
    assert cost is not None
    assert cost.amount <= ceiling.amount


@settings(max_examples=200, deadline=None)
@given(
    model=st.sampled_from(["gpt-4o", "gpt-4o-mini", "claude-3-5-sonnet-20241022", "gpt-image-1"]),
    endpoint=st.sampled_from(["chat", "messages", "image", "image-edit", "chat-image"]),
    prompt=st.text(max_size=300),
    numbers=st.tuples(st.integers(0, 3), st.integers(1, 4)),
    limit=st.integers(1, 5_000) | st.none(),
    thinking=st.integers(1_024, 64_000) | st.none(),
)
def test_no_usage_that_a_request_allows_costs_more_than_its_ceiling(
    model: str,
    endpoint: str,
    prompt: str,
    numbers: tuple[int, int],
    limit: int | None,
    thinking: int | None,
) -> None:
    images, n = numbers
    fields: dict[str, JSON] = {"prompt": prompt, "n": n, "max_tokens": limit}
    if images:
        fields["image"] = [{"kind": "url", "url": "https://a.example/in.png"}] * images
    if thinking and endpoint == "messages":
        fields["thinking"] = thinking
    answer = limit or (4_096 + (thinking or 0) if endpoint == "messages" else 16_384)
    output = n * (6_240 if endpoint.startswith("image") else answer)
    per_picture = {"gpt-4o-mini": 48_169, "gpt-image-1": 7_300}.get(model, 1_445)
    going_in = len(prompt.encode()) + 10 + images * per_picture
    question = ask(model, endpoint, **fields)
    prices = PriceList()
    usage: JSON = {"input_tokens": going_in, "output_tokens": output}
    cost, ceiling = prices.cost(question, answered(usage, pictures=n)), prices.ceiling(question)
    assert cost is not None
    assert ceiling is not None
    assert cost.amount <= ceiling.amount


def test_an_unknown_price_has_no_ceiling() -> None:
    assert PriceList().ceiling(ask("nobody-knows")) is None


def test_a_million_small_amounts_add_up_to_what_they_say() -> None:
    assert sum(nanos(0.1) for _ in range(10**6)) == nanos(100_000)


# --- the gateway's price list ---------------------------------------------------------------------

PER_TOKEN: dict[str, Any] = {
    "model_name": "a", "quota_type": 0, "model_ratio": 0.075, "model_price": 0,
    "completion_ratio": 4, "enable_groups": ["default", "vip"], "cache_ratio": 0.5,
}  # fmt: skip
PER_CALL: dict[str, Any] = {
    "model_name": "b", "quota_type": 1, "model_ratio": 0, "model_price": 0.03,
    "completion_ratio": 0, "enable_groups": ["default"],
}  # fmt: skip


def offer(body: object) -> dict[str, Tariff] | None:
    return read_price_list(body if isinstance(body, bytes) else json.dumps(body).encode())


def by_name(*entries: dict[str, Any]) -> dict[str, Any]:
    return {one["model_name"]: {k: v for k, v in one.items() if k != "model_name"}
            for one in entries}  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        {"success": True, "data": [PER_TOKEN, PER_CALL], "group_ratio": {"default": 1}},
        {"data": [PER_TOKEN, PER_CALL]},
        [PER_TOKEN, PER_CALL],
        {"success": True, "data": by_name(PER_TOKEN, PER_CALL)},
        {"data": {"models": [PER_TOKEN, PER_CALL]}},
        {"data": {"model_ratio": {"a": 0.075}, "completion_ratio": {"a": 4},
                  "cache_ratio": {"a": "0.5"}, "model_price": {"b": "0.03"}}},
        {"data": [{**PER_TOKEN, "quota_type": 1}, {**PER_CALL, "quota_type": 0}]},
        {"data": [{**PER_TOKEN, "model_ratio": 0.15}, PER_CALL], "quota_per_unit": 1_000_000},
    ],
)  # fmt: skip
def test_price_lists_of_all_shapes_say_the_same(body: object) -> None:
    found = offer(body)
    assert found is not None
    assert (found["a"].input, found["a"].output) == (Decimal("0.15"), Decimal("0.6"))
    assert found["a"].cached == Decimal("0.075")
    assert found["b"].call == Decimal("0.03")


@pytest.mark.parametrize(
    "body",
    [b"", b"<!doctype html><html></html>", b"[" * 100_000, {"success": False, "message": "no"},
     {"error": {"message": "x"}}, {"success": True, "data": None}, {"data": "x"}, 7],
)  # fmt: skip
def test_what_is_no_price_list_is_none(body: object) -> None:
    assert not offer(body)


def test_entries_that_cannot_be_read_leave_the_others() -> None:
    tiered = {**PER_TOKEN, "model_name": "t", "billing_mode": "tiered_expr", "billing_expr": "x"}
    wrong = {**PER_TOKEN, "model_name": "w", "model_ratio": "many"}
    found = offer({"data": [tiered, wrong, {}, 5, PER_CALL]})
    assert found is not None
    assert list(found) == ["b"]


def test_groups_make_a_range_and_the_ceiling_uses_the_highest_ratio() -> None:
    found = offer({"data": [{**PER_CALL, "enable_groups": ["default", "vip", "gold"]}],
                   "group_ratio": {"default": 1, "vip": 0.8, "gold": 3},
                   "usable_group": {"default": "", "vip": ""}})  # fmt: skip
    assert found is not None
    prices = PriceList(gateway=found)
    question = ask("b")
    assert prices.span(question) == (Decimal("0.024"), Decimal("0.03"))
    cost, ceiling = prices.cost(question, answered()), prices.ceiling(question)
    assert cost is not None
    assert ceiling is not None
    assert (cost.amount, cost.estimate, ceiling.amount) == (0.03, True, 0.03)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [({}, 0.04), ({"n": 2, "size": "256x256"}, 0.032), ({"size": "1792x1024"}, 0.08),
     ({"quality": "hd"}, 0.08), ({"size": "1024x1792", "quality": "hd"}, 0.12)],
)  # fmt: skip
def test_a_gateway_s_price_per_call_has_its_factors_for_dall_e(
    fields: dict[str, JSON], expected: float
) -> None:
    found = offer({"data": [{**PER_CALL, "model_name": "dall-e-3", "model_price": 0.04}]})
    assert found is not None
    cost = PriceList(gateway=found).cost(ask("dall-e-3", "image", **fields), answered(pictures=1))
    assert cost is not None
    assert cost.amount == expected


# --- the spending cap ----------------------------------------------------------------------------


def body_of(found: object) -> bytes:
    return json.dumps(found).encode()


def test_a_till_is_read_in_units_dollars_and_cents() -> None:
    token = {"code": True, "data": {"total_available": 2_050_000, "total_used": 500_000}}
    assert read_token_usage(body_of(token)) == Balance(left=Decimal("4.1"), used=Decimal(1))
    limit, used = body_of({"hard_limit_usd": 5.1}), body_of({"total_usage": 100})
    assert read_billing(limit, used) == Balance(left=Decimal("4.1"), used=Decimal(1))
    raw, raw_used = body_of({"hard_limit_usd": 2_550_000}), body_of({"total_usage": 50_000_000})
    assert read_billing(raw, raw_used) == Balance(left=Decimal("4.1"), used=Decimal(1))
    unlimited = read_billing(body_of({"hard_limit_usd": 100_000_000}), used)
    assert unlimited == Balance(left=None, used=Decimal(1))


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'{"error":{"message":"x"}}', b'{"success":false}', b"[]", b"{}"]
)
def test_what_is_no_till_is_none(body: bytes) -> None:
    assert read_token_usage(body) is None
    assert read_billing(body, body) is None
