"""A person's edit overrides the sheet's cell for as long as the cell has the value they edited."""

from jobs.loading.edits import Overlay, digest_of, merge_edits
from jobs.store.edits import Edit

HEADERS = ("prompt", "size")


def test_an_edit_replaces_the_cell_it_saw() -> None:
    edits = [Edit("k1", "prompt", "a cat", "a dog"), Edit("k1", "size", None, "1024x1024")]
    overlay = Overlay(edits, HEADERS, by_request=False)
    assert overlay.apply("k1", ["a cat"]) == ["a dog", "1024x1024"]
    assert overlay.apply("k2", ["a cat"]) is None
    assert overlay.outdated == []


def test_a_cell_that_changed_in_the_sheet_since_wins() -> None:
    edit = Edit("k1", "prompt", "a cat", "a dog")
    overlay = Overlay([edit], HEADERS, by_request=False)
    assert overlay.apply("k1", ["an owl", ""]) is None
    assert overlay.outdated == [edit]


def test_the_edit_of_a_true_duplicate_is_for_that_one_only() -> None:
    overlay = Overlay([Edit("abc-2", "prompt", "a cat", "a dog")], HEADERS, by_request=True)
    assert overlay.apply("abc", ["a cat"]) is None
    assert overlay.apply("abc", ["a cat"]) == ["a dog"]


def test_a_new_edit_replaces_the_kept_one_and_one_that_changes_nothing_takes_it_back() -> None:
    kept = [Edit("k1", "prompt", "a", "b"), Edit("k2", "prompt", "", "c")]
    new = [Edit("k1", "prompt", "a", "d"), Edit("k2", "prompt", None, "")]
    merged = merge_edits(kept, new)
    assert merged == [Edit("k1", "prompt", "a", "d")]
    assert digest_of(merged) != digest_of(kept)
