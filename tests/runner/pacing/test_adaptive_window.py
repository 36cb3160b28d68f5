"""The window of calls doubles while that brings more answers, and halves where it does not."""

from runner.pacing.adaptive_window import REST_SECONDS, START_CALLS, AdaptiveWindow


def play(window: AdaptiveWindow, now: float, *, seconds: float, rate: float) -> float:
    """Answers at a steady rate with the window always full; returns the time at the end."""
    for _ in range(int(seconds * rate)):
        now += 1 / rate
        window.answered(now, full=True)
    return now


def test_it_grows_to_its_limit_while_more_calls_bring_more_answers() -> None:
    window, now = AdaptiveWindow(100), 0.0
    for _ in range(2000):
        now += 1 / window.window  # each call takes a second
        window.answered(now, full=True)
    assert window.window == 100


def test_it_keeps_the_half_for_a_while_where_doubling_brings_nothing() -> None:
    window, now = AdaptiveWindow(1000), 0.0
    now = play(window, now, seconds=30, rate=10.0)  # ten a second, whatever the window
    assert window.window == START_CALLS
    play(window, now, seconds=REST_SECONDS / 2, rate=10.0)
    assert window.window == START_CALLS


def test_it_does_not_grow_while_it_holds_no_calls_back() -> None:
    window = AdaptiveWindow(100)
    for now in range(500):
        window.answered(float(now), full=False)
    assert window.window == START_CALLS


def test_a_limit_of_the_user_is_approached_whatever_it_brings() -> None:
    window = AdaptiveWindow(64, weighs=False)
    play(window, 0.0, seconds=100, rate=10.0)
    assert window.window == 64


def test_it_never_starts_above_its_limit() -> None:
    assert AdaptiveWindow(3).window == 3
