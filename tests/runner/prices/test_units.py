"""Prices that go by seconds, characters, songs or searches."""

from decimal import Decimal
from pathlib import Path

import pytest

from jobs.job import JSON
from jobs.result import Result, Usage
from runner.prices.book import book
from runner.prices.price_list import PriceList
from runner.prices.request import PricedRequest
from runner.prices.units import unit_price
from runner.prices.user_prices import OwnPrice
from runner.steps.priced_request import priced_request
from tests.support.world import World

DOCUMENTS: list[JSON] = [f"text {number}" for number in range(150)]


def ranking(documents: JSON) -> PricedRequest:
    return priced_request("rerank", "m", {"prompt": "a lamp", "documents": documents})


def test_a_price_by_the_minute_is_one_by_the_second() -> None:
    assert unit_price({"minute": Decimal("0.6")}, "seconds") == Decimal("0.01")
    assert unit_price({"million_characters": Decimal(15)}, "characters") == Decimal("0.000015")
    assert unit_price({"song": Decimal(1)}, "seconds") is None


def test_a_search_costs_what_the_settings_say() -> None:
    prices = PriceList(own={"m": OwnPrice(search=0.002)})
    found = prices.cost(ranking(["a"]), Result())
    assert found is not None
    assert (found.amount, found.estimate) == (0.002, False)


def test_searches_that_the_answer_counts_are_billed() -> None:
    prices = PriceList(own={"m": OwnPrice(search=0.002)})
    usage = Usage(raw={"billed_units": {"search_units": 3}})
    found = prices.cost(ranking(["a"]), Result(usage=usage))
    assert found is not None
    assert found.amount == 0.006


def test_the_ceiling_counts_a_search_for_each_hundred_documents() -> None:
    prices = PriceList(own={"m": OwnPrice(search=0.002)})
    found = prices.ceiling(ranking(DOCUMENTS))
    assert found is not None
    assert found.amount == 0.004


def test_a_unit_that_the_endpoint_does_not_count_leaves_the_price_unknown() -> None:
    prices = PriceList(own={"m": OwnPrice(song=1.0)})
    assert prices.cost(ranking(["a"]), Result()) is None
    assert prices.ceiling(ranking(["a"])) is None


@pytest.mark.parametrize("model", ["tts-1", "tts-1-hd", "whisper-1", "gpt-4o-mini-transcribe"])
def test_the_book_knows_voices_and_transcribers(model: str) -> None:
    tariff = book().of(model)
    assert tariff is not None
    assert tariff.units


def test_the_bill_of_searches_is_the_books(world: World, tmp_path: Path) -> None:
    world.mock()
    sheet = world.folder / "q.jsonl"
    sheet.write_text('{"prompt": "a lamp", "documents": ["x", "y"]}\n', encoding="utf-8")
    config = tmp_path / "own.toml"
    config.write_text('[prices."m"]\nsearch = 0.002\n', encoding="utf-8")
    done = world.run("run", sheet, "-e", "rerank", "-m", "m", "-y", "--config", config)
    assert done.code == 0, done.err
    (row,) = world.results(sheet, ".rowmill")
    assert float(row["result_cost"]) == 0.002
