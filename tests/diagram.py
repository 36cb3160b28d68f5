"""Draws the state machine of a job from TRANSITIONS, as Mermaid text."""

from collections import defaultdict

from jobs.job import State, Step
from jobs.outcome import LATE_TRANSITIONS, TRANSITIONS

BY_PERSON = (
    ("failed", "ready", "retry (at its step)"),
    ("in_doubt", "ready", "retry (at its step)"),
    ("skipped", "ready", "retry (at its step)"),
    ("done", "ready", "retry --again"),
    ("done", "ready", "fetch (at its files)"),
    ("failed", "skipped", "skip"),
    ("in_doubt", "skipped", "skip"),
    ("ready", "skipped", "skip"),
    ("failed", "done", "pick (an older version)"),
)
BY_SHEET = (("ready", "parked", "row removed"), ("parked", "ready", "row returns"))


def _node(state: State, step: Step | None) -> str:
    open_states = (State.READY, State.RUNNING)
    return f"{state.value}_{step.value}" if step and state in open_states else state.value


def draw() -> str:
    """The whole machine: claims, outcomes, deaths, and changes by people and sheets."""
    lines = ["stateDiagram-v2", "    [*] --> ready_send: row loaded"]
    for step in Step:
        ready, running = _node(State.READY, step), _node(State.RUNNING, step)
        lines.append(f"    {ready} --> {running}: claim")
        outcomes: dict[str, list[str]] = defaultdict(list)
        for (at, kind), (state, following) in TRANSITIONS.items():
            if at is step:
                outcomes[_node(state, following)].append(kind.__name__)
        for target, names in outcomes.items():
            lines.append(f"    {running} --> {target}: {', '.join(names)}")
    late = tuple((one.value, end.value, "late success") for one, end in LATE_TRANSITIONS.items())
    for source, target, why in (*late, *BY_PERSON, *BY_SHEET):
        ends = ["ready_send" if end == "ready" else end for end in (source, target)]
        lines.append(f"    {ends[0]} --> {ends[1]}: {why}")
    return "\n".join(lines)
