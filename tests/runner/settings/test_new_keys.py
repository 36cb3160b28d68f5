"""Which texts are stored as a key, and when no key is needed."""

import pytest

from runner.settings.keys import KeyRefusal, clean_key, new_key
from tests.support.world import TEXT, World


@pytest.mark.parametrize("text", ["2", "sk-1234", "https://api.example.com", "http://10.0.0.1/v1"])
def test_an_address_or_a_short_word_is_not_stored_as_a_key(text: str) -> None:
    with pytest.raises(KeyRefusal, match="Nothing was changed"):
        new_key(text)


def test_any_word_is_sent_as_a_key_if_the_person_says_so() -> None:
    assert clean_key("none").reveal() == "none"


def test_a_word_that_is_no_key_leaves_the_stored_key_alone(world: World) -> None:
    assert world.run("keys", "set", "wenwen", stdin="sk-0123456789abcdef\n").code == 0
    assert world.run("keys", "set", "wenwen", stdin="2\n").code == 3
    assert "cdef" in world.run("keys", "list").out


def test_a_server_on_this_machine_needs_no_key(world: World) -> None:
    world.monkeypatch.delenv("ROWMILL_API_KEY")
    world.mock(key="none")
    done = world.run("run", world.prompts("a.csv", "a cat"), *TEXT)
    assert (done.code, done.posts) == (0, 1), done.err


def test_the_message_says_that_any_word_will_do(world: World) -> None:
    world.monkeypatch.delenv("ROWMILL_API_KEY")
    world.monkeypatch.setenv("ROWMILL_BASE_URL", "https://gateway.invalid")
    done = world.run("run", world.prompts("a.csv", "a cat"), *TEXT)
    assert done.code == 3
    assert "ROWMILL_API_KEY=none" in done.err
