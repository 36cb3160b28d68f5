"""A call with its body; the text of a reply for any charset in its content type."""

from dataclasses import fields, replace

import pytest

from runner.protocol.call import Call, EncodedBody, Part, Reply


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


def test_a_call_with_its_body_keeps_every_other_field() -> None:
    call = Call(
        path="/v1/images/edits",
        method="PUT",
        json={"n": 1},
        parts=(Part(name="image", content=b"x"),),
        headers={"X-Own": "1"},
        stream=True,
        timeout=7.0,
        fresh=True,
        base_url="https://other.example.com",
        leave_by=3.0,
    )
    unset = Call(path="")
    assert all(
        getattr(call, one.name) != getattr(unset, one.name)
        for one in fields(Call)
        if one.name != "encoded"
    )
    body = EncodedBody(content=b"{}", media_type="application/json")
    assert call.with_body(body) == replace(call, encoded=body)
