"""Matches the regular expressions of user schemas in time linear in the text.

Python's `re` backtracks: `^(a+)+$` takes forever on forty letters, holds the GIL meanwhile, and
cannot be interrupted, not even in a thread. So a pattern is compiled into an automaton whose states
are all followed at once, and every visited state is counted. Back references and look-behind do not
work this way: such a pattern is refused while the sheet is loaded.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from typing import Any

# the parser of `re`, under its name since Python 3.11; it has no type hints
sre: Any = import_module("re._constants")
parser: Any = import_module("re._parser")

MAX_STATES = 5_000
"""Per pattern; each copy of a counted repeat has its own states."""


class UnsupportedPatternError(Exception):
    """A pattern that is invalid or cannot be matched in bounded time."""


class TooManyStepsError(Exception):
    """Checking one answer took more than its budget of steps."""


@dataclass(slots=True)
class StepBudget:
    """The remaining budget of steps for checking one answer."""

    left: int

    def take(self, count: int = 1) -> None:
        """Uses up steps. Raises TooManyStepsError if none are left."""
        self.left -= count
        if self.left < 0:
            raise TooManyStepsError


@dataclass(slots=True)
class _State:
    """One state: `test` consumes a character, `holds` checks a position; then the `next` follow.

    A state with neither is passed unconditionally. `look` is a look-ahead pattern that must, or
    must not, match from here.
    """

    next: list[int] = field(default_factory=list)
    test: Callable[[str], bool] | None = None
    holds: Callable[[str, int], bool] | None = None
    look: tuple["Pattern", bool] | None = None


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern; its last state is the accepting one."""

    states: tuple[_State, ...]

    def search(self, text: str, steps: StepBudget) -> bool:
        """True if the pattern matches anywhere in the text. Raises TooManyStepsError."""
        return self._run(text, 0, steps, anywhere=True)

    def _run(self, text: str, start: int, steps: StepBudget, *, anywhere: bool) -> bool:
        current: set[int] = set()
        for position in range(start, len(text) + 1):
            entries = {*current, 0} if anywhere or position == start else current
            reached = self._closure(entries, text, position, steps)
            if len(self.states) - 1 in reached:
                return True
            if position == len(text):
                return False
            character, current = text[position], set()
            for number in reached:
                state = self.states[number]
                if state.test is not None and state.test(character):
                    current.update(state.next)
            if not current and not anywhere:
                return False
        return False

    def _closure(self, entries: set[int], text: str, position: int, steps: StepBudget) -> set[int]:
        """The states that are reachable from these without consuming a character."""
        reached, waiting = set(entries), list(entries)
        while waiting:
            steps.take()
            state = self.states[waiting.pop()]
            if state.test is not None or not self._passes(state, text, position, steps):
                continue
            for number in state.next:
                if number not in reached:
                    reached.add(number)
                    waiting.append(number)
        return reached

    @staticmethod
    def _passes(state: _State, text: str, position: int, steps: StepBudget) -> bool:
        if state.look is not None:
            pattern, wanted = state.look
            return pattern._run(text, position, steps, anywhere=False) is wanted
        return state.holds is None or state.holds(text, position)


@lru_cache(maxsize=256)
def compiled(pattern: str) -> Pattern:
    """The compiled pattern. Raises UnsupportedPatternError."""
    try:
        parsed = parser.parse(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise UnsupportedPatternError(f"{pattern[:80]!r} is no regular expression") from error
    return _Compiler().whole(parsed, parsed.state.flags)


class _Compiler:
    """Compiles a parsed pattern into states, from its end: each part leads to the next state."""

    def __init__(self) -> None:
        self._states: list[_State] = []

    def whole(self, parsed: Any, flags: int) -> Pattern:
        end = self._add(_State())
        first = self._sequence(parsed, end, flags)
        # states were numbered from the end of the pattern: reverse them, so that 0 is its start
        start = self._add(_State(next=[first]))
        for state in self._states:
            state.next = [start - number for number in state.next]
        return Pattern(tuple(reversed(self._states)))

    def _add(self, state: _State) -> int:
        if len(self._states) >= MAX_STATES:
            raise UnsupportedPatternError("the pattern is too large")
        self._states.append(state)
        return len(self._states) - 1

    def _sequence(self, parts: Any, after: int, flags: int) -> int:
        for kind, value in reversed(list(parts)):
            after = self._part(kind, value, after, flags)
        return after

    def _part(self, kind: Any, value: Any, after: int, flags: int) -> int:
        if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            return self._repeat(value, after, flags)
        if kind is sre.BRANCH:
            return self._add(_State(next=[self._sequence(one, after, flags) for one in value[1]]))
        if kind is sre.SUBPATTERN:
            _, added, removed, inner = value
            return self._sequence(inner, after, (flags | added) & ~removed)
        if kind in (sre.ASSERT, sre.ASSERT_NOT) and value[0] == 1:
            look = _Compiler().whole(value[1], flags), kind is sre.ASSERT
            return self._add(_State(next=[after], look=look))
        if kind is sre.AT:
            return self._add(_State(next=[after], holds=_position(value, flags)))
        return self._add(_State(next=[after], test=_character(kind, value, flags)))

    def _repeat(self, value: Any, after: int, flags: int) -> int:
        low, high, inner = value
        if high is sre.MAXREPEAT:
            again = self._add(_State())
            self._states[again].next = [self._sequence(inner, again, flags), after]
            after = again
        else:
            for _ in range(high - low):
                after = self._add(_State(next=[self._sequence(inner, after, flags), after]))
        for _ in range(low):
            after = self._sequence(inner, after, flags)
        return after


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


_CATEGORIES: dict[Any, Callable[[str], bool]] = {
    sre.CATEGORY_DIGIT: str.isdecimal,
    sre.CATEGORY_NOT_DIGIT: lambda one: not one.isdecimal(),
    sre.CATEGORY_SPACE: str.isspace,
    sre.CATEGORY_NOT_SPACE: lambda one: not one.isspace(),
    sre.CATEGORY_WORD: _is_word,
    sre.CATEGORY_NOT_WORD: lambda one: not _is_word(one),
}


def _character(kind: Any, value: Any, flags: int) -> Callable[[str], bool]:
    """The predicate for one character."""
    if kind is sre.ANY:
        return (lambda _: True) if flags & re.DOTALL else (lambda one: one != "\n")
    if kind is sre.IN:
        negated = bool(value) and value[0][0] is sre.NEGATE
        tests = [_member(*one) for one in value[1 if negated else 0 :]]
    elif kind in (sre.LITERAL, sre.NOT_LITERAL):
        negated, tests = kind is sre.NOT_LITERAL, [_member(sre.LITERAL, value)]
    else:
        raise UnsupportedPatternError(f"{str(kind).lower()} cannot be matched in bounded time")
    return lambda one: any(test(form) for form in _forms(one, flags) for test in tests) != negated


def _forms(character: str, flags: int) -> Sequence[str]:
    if not flags & re.IGNORECASE:
        return (character,)
    return (character, character.lower(), character.upper())


def _member(kind: Any, value: Any) -> Callable[[str], bool]:
    if kind is sre.LITERAL:
        wanted = chr(value)
        return lambda one: one == wanted
    if kind is sre.RANGE:
        low, high = map(chr, value)
        return lambda one: len(one) == 1 and low <= one <= high
    if kind is sre.CATEGORY:
        return _CATEGORIES[value]
    raise UnsupportedPatternError(f"{str(kind).lower()} cannot be matched in bounded time")


def _position(kind: Any, flags: int) -> Callable[[str, int], bool]:
    """The predicate for a position between two characters."""
    lines = bool(flags & re.MULTILINE)
    if kind in (sre.AT_BEGINNING, sre.AT_BEGINNING_STRING):
        by_line = lines and kind is sre.AT_BEGINNING
        return lambda text, at: at == 0 or (by_line and text[at - 1] == "\n")
    if kind is sre.AT_END_STRING:
        return lambda text, at: at == len(text)
    if kind is sre.AT_END:
        return lambda text, at: (
            at == len(text) or (text[at] == "\n" and (lines or at == len(text) - 1))
        )
    wanted = kind is sre.AT_BOUNDARY
    return lambda text, at: _is_boundary(text, at) is wanted


def _is_boundary(text: str, at: int) -> bool:
    before = at > 0 and _is_word(text[at - 1])
    after = at < len(text) and _is_word(text[at])
    return before is not after
