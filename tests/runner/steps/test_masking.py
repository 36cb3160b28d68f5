"""A result contains no key, wherever the server put it."""

from jobs.result import Result
from runner.secret import Secret
from runner.steps.masking import masked

KEY = "canary-7c1e55a04f9b2d68"
SECRET = Secret(KEY)  # makes the key known to this process


def test_a_key_is_masked_in_text_values_and_names() -> None:
    found = masked(
        Result(text=f"key {KEY}!", data={"a": [{"b": f"x{KEY}"}, {KEY: [KEY, 1]}], "n": 1.5})
    )
    assert found.text == "key [key]!"
    assert found.data == {"a": [{"b": "x[key]"}, {"[key]": ["[key]", 1]}], "n": 1.5}


def test_a_result_without_a_key_is_the_same_value() -> None:
    clean = Result(text="a cat", data={"vector": [0.25, 0.5], "list": ["a", None]})
    assert masked(clean) is clean
