"""`retry --from` takes the rejected rows of a list of picks, and no others."""

from tests.support.world import TEXT, World


def test_only_rejected_rows_of_a_list_of_picks_are_generated_again(world: World) -> None:
    sheet = world.prompts("a.csv", "one", "two", "three")
    world.run("run", sheet, *TEXT)
    keys = world.column(sheet, "result_key")
    listed = world.folder / "rowmill-picks.csv"
    marks = zip(keys, ("5", "rejected", "none"), strict=True)
    lines = [f"{row},{key},{mark}" for row, (key, mark) in enumerate(marks, 2)]
    listed.write_text("\n".join(["result_row,result_key,result_pick", *lines]))
    assert world.run("retry", sheet, "--from", listed, "--again", "-y").posts == 1
    assert world.column(sheet, "result_attempts") == ["1", "2", "1"]
