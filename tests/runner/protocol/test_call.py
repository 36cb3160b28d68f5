"""The text of a reply for any charset in its content type."""

import pytest

from runner.protocol.call import Reply


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json; charset=gbk", "猫在垫子上".encode("gbk")),
        ('application/json; Charset="GB2312"', "猫在垫子上".encode("gbk")),
        ("application/json; charset=gbk", "猫在垫子上".encode()),  # wrongly labelled
        ("application/json; charset=utf-8", "猫在垫子上".encode()),
        ("application/json", "猫在垫子上".encode()),
        ("application/json; charset=no-such", "猫在垫子上".encode()),
    ],
)
def test_an_answer_is_read_in_the_charset_that_it_names(content_type: str, body: bytes) -> None:
    reply = Reply(status=200, headers={"content-type": content_type}, body=body)
    assert reply.text.decode() == "猫在垫子上"
    assert reply.body == body
