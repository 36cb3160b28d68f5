"""Acceptance 16: values that PostgreSQL cannot hold stop nobody."""

from tests.hosts.conftest import Make


def test_cells_and_answers_with_characters_that_no_table_takes_are_done(scene: Make) -> None:
    made = scene(0)
    made.prompts = ("a \x00 lamp", "a \\ud83d lamp", "a 😀 lamp", "x" * 3000, "plain")
    made.write_sheet()
    host = made.start()
    code, said = host.wait(), host.err
    assert code == 0, said
    assert "lamp" not in (made.home("desk") / "prompts.rowmill" / "rowmill.log").read_text("utf-8")
    books = made.books()
    assert (books.rows, books.billed, books.open_calls) == ({"done": 5}, 5, 0)
    (texts,) = made.query("SELECT string_agg(text, ' ') FROM attempts")
    assert "\ufffd" in texts[0]
    again = made.start()
    assert again.wait() == 0, again.err
    assert len(made.billed()) == 5
