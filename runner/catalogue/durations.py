"""Durations and times of day, for a person."""

from datetime import datetime


def format_duration(seconds: float) -> str:
    """A duration for people: 1h58m, 4m07s, 12s."""
    whole = max(int(seconds), 0)
    hours, minutes = divmod(whole // 60, 60)
    if hours:
        return f"{hours}h{minutes:02d}m"
    return f"{minutes}m{whole % 60:02d}s" if minutes else f"{whole}s"


def at_words(at: float, *, seconds: bool = False) -> str:
    """A time of day for a person; with the date, since runs go past midnight, or the seconds."""
    form = "%H:%M:%S" if seconds else "%Y-%m-%d %H:%M"
    return datetime.fromtimestamp(at).astimezone().strftime(form)


def format_run_time(seconds: float) -> str:
    """How long a run took, at its end: 1 h 58 min, 4 min 7 s, 12.3 s."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"
