"""A column that was only guessed to be a field may hold nothing but plausible values of it."""

import pytest

from jobs.job import JSON
from runner.endpoints.fields import InputError
from runner.intake.guessed_values import FIELDS, MAX_LENGTH, only_plausible


def guessed(field: str, cell: JSON) -> JSON:
    return only_plausible(field, lambda value: value)(cell)


@pytest.mark.parametrize(
    ("field", "cell"),
    [
        ("size", "1024x1024"),
        ("size", " 1024 × 768 "),
        ("size", "16:9"),
        ("size", "2K"),
        ("size", "AUTO"),
        ("aspect_ratio", "2.39:1"),
        ("aspect_ratio", "16：9"),
        ("quality", "HD"),
        ("style", "vivid"),
        ("style", "digital-art/neon_punk"),
        ("background", "transparent"),
        ("output_format", "jpg"),
        ("input_fidelity", "high"),
    ],
)
def test_a_value_of_the_field_is_sent_as_it_is(field: str, cell: str) -> None:
    assert guessed(field, cell) == cell


@pytest.mark.parametrize(
    ("field", "cell"),
    [
        ("size", "XL"),
        ("size", "10 cm"),
        ("aspect_ratio", "wide"),
        ("quality", "A"),
        ("style", "oil painting"),
        ("background", "blue"),
        ("output_format", "pdf"),
    ],
)
def test_a_shops_own_value_fails_before_it_is_sent(field: str, cell: str) -> None:
    with pytest.raises(InputError) as caught:
        guessed(field, cell)
    assert caught.value.found == repr(cell)


@pytest.mark.parametrize("field", sorted(FIELDS))
@pytest.mark.parametrize("cell", ["", "  ", None, 3, True])
def test_blank_cells_and_values_that_are_no_text_pass(field: str, cell: JSON) -> None:
    assert guessed(field, cell) == cell


def test_a_long_text_is_shown_in_part() -> None:
    with pytest.raises(InputError) as caught:
        guessed("size", "1" * 1000)
    assert len(caught.value.found) == MAX_LENGTH + 2
