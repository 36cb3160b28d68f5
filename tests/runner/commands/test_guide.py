"""The guide leads a person at a terminal through a first run, question by question."""

import os
import pty
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import openpyxl
import pytest

from tests.runner.launch.test_stops import drained
from tests.support.world import KEY, World

CHINESE = (["名称", "备注"], ["苹果", "a"], ["梨", "b"], ["桃", "c"], ["李", "d"], ["杏", "e"])


class Person:
    """The person at a terminal: reads until a question appears, then answers it."""

    def __init__(self, terminal: int) -> None:
        self.terminal = terminal
        self.seen = ""

    def answers(self, question: str, answer: str) -> None:
        """Wait for these words, then type the answer."""
        read = b""
        while question.encode() not in read:
            read += os.read(self.terminal, 4000)
        self.seen += read.decode(errors="replace")
        os.write(self.terminal, answer.encode() + b"\n")


@contextmanager
def sitting(world: World, *words: object) -> Iterator[tuple[Person, list[int]]]:
    """Run a command on a terminal; its exit code is in the list at the end."""
    mine, theirs = pty.openpty()
    code: list[int] = []
    try:
        process = world.start(*words, terminal=theirs)
        os.close(theirs)
        yield Person(mine), code
        assert drained(mine)
        code.append(process.wait(30))
    finally:
        os.close(mine)


@pytest.fixture
def new_person(world: World) -> World:
    """A person with no key and no settings yet; `world` has the gateway's address."""
    world.monkeypatch.delenv("ROWMILL_API_KEY")
    world.monkeypatch.delenv("ROWMILL_BASE_URL")
    return world


def test_a_first_run_asks_tries_three_rows_and_keeps_the_choices(new_person: World) -> None:
    world = new_person
    assert world.gateway is not None
    sheet = world.sheet("a.csv", *CHINESE)
    with sitting(world, sheet) as (person, code):
        person.answers("gateway", world.gateway.base_url)
        person.answers("Key for", KEY)
        person.answers("Which model", "mock-text")
        person.answers("kind of request", "")
        person.answers("holds the prompt", "1")
        person.answers("one call of", "0.01")
        person.answers("the first 3 rows", "y")
        person.answers("the other 2 rows", "y")
        assert len(world.calls) == 3
    assert code == [0]
    assert len(world.calls) == 5
    assert KEY not in person.seen
    assert '"苹果"' in person.seen  # the first request was shown
    kept = tomllib.loads((world.folder / "rowmill.toml").read_text("utf-8"))
    assert kept["defaults"]["endpoint"] == "chat"
    assert kept["defaults"]["model"] == "mock-text"
    assert kept["columns"] == {"名称": "prompt"}
    assert kept["prices"] == {"mock-text": {"call": 0.01}}
    again = world.run("run", sheet)
    assert (again.code, again.posts) == (0, 0), again.err


def test_a_key_is_tested_before_it_is_kept_and_offered_afterwards(new_person: World) -> None:
    world = new_person
    gateway = world.mock(key=KEY)
    world.monkeypatch.delenv("ROWMILL_BASE_URL")
    sheet = world.prompts("a.csv", "a cat")
    with sitting(world, sheet) as (person, code):
        person.answers("gateway", gateway.base_url)
        person.answers("Key for", "2")
        person.answers("Key for", "sk-of-somebody-else")
        person.answers("Key for", KEY)
        person.answers("Which model", "mock-text")
        person.answers("kind of request", "chat")
        person.answers("one call of", "")
        person.answers("the first 1 row", "n")
    assert code == [5]
    assert "sk-of-somebody-else" not in (world.run("keys", "list").out + person.seen)
    (world.folder / "rowmill.toml").unlink()
    with sitting(world, sheet) as (person, code):
        person.answers("gateway", gateway.base_url)
        person.answers("Use the stored key", "")
        person.answers("Which model", "mock-text")
        person.answers("kind of request", "chat")
        person.answers("one call of", "")
        person.answers("the first 1 row", "y")
    assert code == [0]


def test_models_and_prices_come_from_the_gateway(world: World) -> None:
    world.mock(pricing={"data": [{"model_name": "mock-image", "quota_type": 1, "model_price": 1}]})
    sheet = world.prompts("a.csv", "a cat")
    with sitting(world, sheet) as (person, code):
        person.answers("Which model", "no-such-model")
        person.answers("not in the gateway's list", "n")
        person.answers("Which model", "IMAGE")
        person.answers("Which model", "1")
        person.answers("kind of request", "")
        person.answers("the first 1 row", "y")
    assert code == [0]
    assert "What does one call" not in person.seen
    assert "price about 1.00 USD" in " ".join(person.seen.split())
    kept = tomllib.loads((world.folder / "rowmill.toml").read_text("utf-8"))
    assert kept["defaults"] == {"endpoint": "chat-image", "model": "mock-image"}


def test_rows_that_cannot_be_sent_and_hidden_rows_are_questions(world: World) -> None:
    world.settings('[defaults]\nendpoint = "chat"\nmodel = "mock-text"\n')
    sheet = world.folder / "a.xlsx"
    book = openpyxl.Workbook()
    page = book.active
    for row in (["prompt", "note"], ["a cat", ""], [None, "red"], ["a dog", ""], ["a fox", ""]):
        page.append(row)
    page.row_dimensions[5].hidden = True
    book.save(sheet)
    with sitting(world, sheet) as (person, code):
        person.answers("Send the hidden rows", "")
        person.answers("Run without these rows", "")
        person.answers("the first 2 rows", "y")
    assert code[0] in (0, 4)
    rows = world.run("status", sheet, "--json").json["rows"]
    assert (rows["done"], rows["skipped"], rows["pending"]) == (2, 2, 0)
    assert len(world.calls) == 2


def test_a_no_to_bad_rows_sends_nothing(world: World) -> None:
    world.settings('[defaults]\nendpoint = "chat"\nmodel = "mock-text"\n')
    sheet = world.sheet("a.csv", ["prompt", "note"], ["a cat", ""], ["", "red"])
    with sitting(world, sheet) as (person, code):
        person.answers("Run without these rows", "n")
    assert code == [3]
    assert not world.calls


def test_only_what_is_missing_is_asked_and_a_no_sends_nothing(world: World) -> None:
    world.settings('[defaults]\nendpoint = "chat"\nmodel = "mock-text"\n')
    before = (world.folder / "rowmill.toml").read_text("utf-8")
    sheet = world.prompts("a.csv", "a cat")
    with sitting(world, sheet) as (person, code):
        person.answers("the first 1 row", "n")
    assert code == [5]
    assert not world.calls
    assert (world.folder / "rowmill.toml").read_text("utf-8") == before


def test_an_answer_that_cannot_be_used_is_asked_for_again(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat")
    with sitting(world, sheet) as (person, code):
        person.answers("Which model", "mock-text")
        person.answers("kind of request", "99")
        person.answers("a number from 1 to", "1")
        person.answers("one call of", "cheap")
        person.answers("a number from 0", "")
        person.answers("the first 1 row", "y")
    assert code == [0]
    assert len(world.calls) == 1


def test_the_rest_names_rows_money_and_time_and_wants_a_typed_yes(world: World) -> None:
    world.mock(pricing={"data": [{"model_name": "mock-text", "quota_type": 1, "model_price": 0.2}]})
    world.settings('[defaults]\nendpoint = "chat"\nmodel = "mock-text"\n')
    sheet = world.prompts("a.csv", *(f"prompt {k}" for k in range(260)))
    with sitting(world, sheet) as (person, code):
        person.answers("the first 3 rows", "y")
        person.answers("[yes/N]", "y")
    assert code == [5]
    assert len(world.calls) == 3
    assert "51.40 USD" in " ".join(person.seen.split())
    assert "the other 257 rows (price about 51.40 USD" in " ".join(person.seen.split())


def test_a_sheet_that_was_begun_goes_on_without_questions(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat", "a dog")
    world.run("run", sheet, "-e", "chat", "-m", "mock-text", "-y", "--limit", "1")
    with sitting(world, sheet) as (person, code):
        person.answers("Continue", "y")
        person.answers("[y/N]", "y")
    assert code == [0]
    assert len(world.calls) == 2


def test_without_a_terminal_nothing_is_asked(world: World, tmp_path: Path) -> None:
    sheet = world.prompts("a.csv", "a cat")
    done = world.run(sheet)
    assert (done.code, done.posts) == (2, 0)
    assert f"rowmill run {sheet}" in done.err


def test_less_than_goes_back_to_the_question_before(world: World) -> None:
    sheet = world.sheet("a.csv", *CHINESE)
    with sitting(world, sheet) as (person, code):
        person.answers("Which model", "mock-image")
        person.answers("kind of request", "<")
        person.answers("Which model", "mock-text")
        person.answers("kind of request", "chat")
        person.answers("holds the prompt", "<")
        person.answers("kind of request", "")
        person.answers("holds the prompt", "1")
        person.answers("one call of", "")
        person.answers("the first 3 rows", "n")
    assert code == [5]
    kept = tomllib.loads((world.folder / "rowmill.toml").read_text("utf-8"))
    assert kept["defaults"] == {"endpoint": "chat", "model": "mock-text"}


def test_setup_asks_again_with_the_earlier_answers_as_defaults(world: World) -> None:
    sheet = world.sheet("a.csv", *CHINESE)
    with sitting(world, sheet) as (person, code):
        person.answers("Which model", "mock-text")
        person.answers("kind of request", "")
        person.answers("holds the prompt", "备注")
        person.answers("one call of", "")
        person.answers("the first 3 rows", "n")
    assert (code, len(world.calls)) == ([5], 0)
    with sitting(world, sheet, "--setup") as (person, code):
        person.answers("gateway", "")
        person.answers("Which model", "")
        person.answers("kind of request", "")
        person.answers("holds the prompt", "名称")
        person.answers("one call of", "")
        person.answers("the first 3 rows", "y")
        person.answers("the other 2 rows", "n")
    assert code == [5]
    assert "mock-text]" in person.seen
    asked = [world.run("show", row, sheet, "--json").json["fields"]["prompt"] for row in (2, 4)]
    assert asked == ["苹果", "桃"]
    assert world.run("run", sheet, "-y").code == 0
    assert world.standing(sheet)["done"] == 5
