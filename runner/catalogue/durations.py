"""How long something takes, for a person."""


def span_of(seconds: float) -> str:
    """A time for a person: 1h58m, 4m07s, 12s."""
    whole = max(int(seconds), 0)
    hours, minutes = divmod(whole // 60, 60)
    if hours:
        return f"{hours}h{minutes:02d}m"
    return f"{minutes}m{whole % 60:02d}s" if minutes else f"{whole}s"
