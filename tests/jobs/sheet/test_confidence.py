"""A guess at an encoding is trusted only with enough text in everyday characters."""

import pytest

from jobs.sheet.text.confidence import (
    CERTAIN_CHARACTERS,
    MIN_CHARACTERS,
    gbk_doubt,
    is_plausible,
    looks_chinese,
)

CHINESE = "一只小猫坐在窗边看雨水彩高端护肤品主图白色背景"
BOTH = "ҧ"  # a Cyrillic letter in UTF-8, a Chinese character in GBK


def test_a_short_word_that_is_also_chinese_is_in_doubt() -> None:
    doubt = gbk_doubt([BOTH])
    assert doubt is not None
    assert doubt.read == BOTH
    assert doubt.other == BOTH.encode().decode("gb18030")


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["猫"],  # three bytes, which are no Chinese characters of GBK
        ["Straße"],  # a Latin word
        [BOTH * CERTAIN_CHARACTERS],  # so much valid UTF-8 is no chance
    ],
)
def test_other_texts_are_not_in_doubt(words: list[str]) -> None:
    assert gbk_doubt(words) is None


def test_much_everyday_text_is_plausible() -> None:
    assert is_plausible([CHINESE.encode("gb18030")], "gb18030")
    assert not is_plausible([CHINESE[: MIN_CHARACTERS - 1].encode("gb18030")], "gb18030")


def test_rare_characters_are_not_plausible() -> None:
    rare = "".join(map(chr, range(0x3400, 0x3400 + 2 * MIN_CHARACTERS)))
    assert not is_plausible([rare.encode("gb18030")], "gb18030")


def test_little_text_of_common_characters_looks_chinese() -> None:
    assert looks_chinese(["红色,blue".encode("gb18030")])
    assert not looks_chinese(["Mädchen".encode("latin-1")])
    assert not looks_chinese([CHINESE.encode("gb18030")])
