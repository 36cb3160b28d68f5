"""Markup is safe from injection: only `Html` stays as it is."""

from runner.report.html import Html, el, joined, script_json


def test_text_and_attributes_are_escaped() -> None:
    found = el("p", "<b>", 3, None, title='"><script>')
    assert found == '<p title="&quot;&gt;&lt;script&gt;">&lt;b&gt;3</p>'


def test_markup_is_not_escaped_twice() -> None:
    assert el("p", el("b", "a & b"), [el("i", "c"), "<"]) == ("<p><b>a &amp; b</b><i>c</i>&lt;</p>")
    assert joined([Html("<br>"), "<br>"]) == "<br>&lt;br&gt;"


def test_attributes_are_renamed_and_absent_ones_left_out() -> None:
    found = el("input", class_="a", aria_label="b", checked=True, disabled=False, title=None)
    assert found == '<input class="a" aria-label="b" checked>'


def test_void_elements_have_no_end_tag() -> None:
    assert el("br") == "<br>"
    assert el("div") == "<div></div>"


def test_a_key_is_masked_in_text_and_attributes() -> None:
    key = "sk-canary0123456789wxyz"
    found = el("a", f"key {key}", href=f"https://e.x/{key}")
    assert key not in found
    assert found.count("[key]") == 2


def test_json_cannot_end_its_script_element() -> None:
    found = script_json('["</script><!--", "\u2028\u2029"]')
    assert found == '["\\u003c/script>\\u003c!--", "\\u2028\\u2029"]'
