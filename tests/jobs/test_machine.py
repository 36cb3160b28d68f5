"""The diagram in ARCHITECTURE.md is the state machine in the code."""

from pathlib import Path

from jobs.job import State, Step
from jobs.outcome import LATE_TRANSITIONS, TRANSITIONS, NotBought
from tests.diagram import BY_PERSON, BY_SHEET, draw

ROOT = Path(__file__).parents[2]


def test_the_diagram_in_the_architecture_is_the_table_of_transitions() -> None:
    document = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    section = document.split("## The state machine of a job", 1)[1].split("\n## ", 1)[0]
    assert f"```mermaid\n{draw()}\n```" in section
    assert section.count("```mermaid") == 1


def test_a_late_success_never_undoes_what_is_done() -> None:
    assert State.DONE not in LATE_TRANSITIONS
    assert State.RUNNING not in LATE_TRANSITIONS
    assert set(LATE_TRANSITIONS.values()) == {State.DONE}


def test_steps_only_move_forward() -> None:
    order = list(Step)
    back = {
        outcome
        for (step, outcome), (state, following) in TRANSITIONS.items()
        if following is not None and order.index(following) < order.index(step)
        if state in (State.READY, State.RUNNING)
    }
    assert back == {NotBought}


def test_the_diagram_knows_every_state() -> None:
    drawn = draw()
    assert all(state.value in drawn for state in State)
    names = {end for source, target, _ in (*BY_PERSON, *BY_SHEET) for end in (source, target)}
    assert names == {state.value for state in State} - {State.RUNNING.value}


def test_every_state_can_be_left_or_is_an_end() -> None:
    left = {source for source, _, _ in (*BY_PERSON, *BY_SHEET)}
    for state, _ in TRANSITIONS.values():
        assert state.value in left
