"""Draws the four charts as inline SVG that follows the page's theme and can be printed."""

from collections.abc import Sequence
from datetime import datetime

from jobs.store.queries.figures import Figures, ModelCost, TimeBin, Waits
from runner.catalogue import say
from runner.catalogue.money import format_amount
from runner.report.html import Html, el, joined

PLOT_HEIGHT = 150.0  # pixels of the drawing area
PLOT_TOP_MARGIN = 16.0  # room for the topmost label
PLOT_BOTTOM_MARGIN = 22.0  # room for the labels below
STACKED_STATES = ("done", "failed", "in_doubt")  # stacked from the bottom up
MAX_BARS = 8


def charts(figures: Figures, *, currency: str) -> Html:
    """The charts that have data."""
    drawn = [
        _finished(figures.finished, figures.width),
        _waits(figures.waits),
        _classes(figures.classes),
        _costs(figures.models, currency),
    ]
    return joined(one for one in drawn if one is not None)


def _figure(title: str, note: str, drawing: Html) -> Html:
    caption = el("figcaption", el("h3", title), el("p", note, class_="note"))
    return el("figure", caption, drawing, class_="chart")


def _svg(label: str, *shapes: Html) -> Html:
    height = PLOT_TOP_MARGIN + PLOT_HEIGHT + PLOT_BOTTOM_MARGIN
    return el("svg", *shapes, width="100%", height=f"{height:g}", role="img", aria_label=label)


def _percent(share: float) -> str:
    return f"{100 * share:.3f}%"


def _across(share: float, class_: str) -> Html:
    y = f"{PLOT_TOP_MARGIN + PLOT_HEIGHT * (1 - share):g}"
    return el("line", x1="0", x2="100%", y1=y, y2=y, class_=class_)


def _plot(most: int, *shapes: Html, at_end: bool = False) -> list[Html]:
    """Shapes over two grid lines, at half height and at the top; their numbers are drawn last.

    The numbers are at the start of their lines, or at the end.
    """
    x, anchor = ("100%", "end") if at_end else ("0", "start")
    under = [_across(0.5, "rule"), _across(1.0, "rule")]
    numbers = [
        el("text", f"{most * share:,.0f}", x=x, y=f"{level - 4:g}", text_anchor=anchor)
        for share, level in ((0.5, PLOT_TOP_MARGIN + PLOT_HEIGHT / 2), (1.0, PLOT_TOP_MARGIN))
    ]
    return [*under, *shapes, _across(0.0, "axis"), *numbers]


def _round_up(most: int) -> int:
    """Round up to an even number with one or two leading digits."""
    step = max(int(10 ** (len(str(most)) - 1)) // 5, 2)
    return max(-(-most // step) * step, 2)


def _labels(words: Sequence[str]) -> list[Html]:
    """Labels below, spread from the left edge to the right one."""
    places = [place / max(len(words) - 1, 1) for place in range(len(words))]
    anchors = ["start", *["middle"] * (len(words) - 2), "end"] if len(words) > 1 else ["start"]
    y = f"{PLOT_TOP_MARGIN + PLOT_HEIGHT + 16:g}"
    return [
        el("text", word, x=_percent(place), y=y, text_anchor=anchor)
        for word, place, anchor in zip(words, places, anchors, strict=True)
    ]


def _finished(bins: Sequence[TimeBin], width: float) -> Html | None:
    if not bins:
        return None
    most = _round_up(max(one.done + one.failed + one.in_doubt for one in bins))
    shapes = []
    for place, one in enumerate(bins):
        floor = PLOT_TOP_MARGIN + PLOT_HEIGHT
        counts = {name: getattr(one, name) for name in STACKED_STATES}
        title = _moment(one.at, bins, width, whole=True) + _listed(counts)
        pieces = []
        for name, count in counts.items():
            if count:
                height = PLOT_HEIGHT * count / most
                floor -= height
                pieces.append(_bar(place, len(bins), floor, height, f"s-{name}"))
        if pieces:
            shapes.append(el("g", el("title", title), *pieces))
    shown = [name for name in STACKED_STATES if any(getattr(one, name) for one in bins)]
    legend = el("p", *(_key(name) for name in shown), class_="legend")
    places = sorted({0, len(bins) // 2, len(bins) - 1})
    labels = _labels([_moment(bins[place].at, bins, width) for place in places])
    title, note = say("chart.finished"), say("chart.finished_note", time=_width_words(width))
    return _figure(
        title, note, joined([_svg(f"{title}. {note}", *_plot(most, *shapes), *labels), legend])
    )


def _bar(place: int, count: int, y: float, height: float, class_: str) -> Html:
    gap = 0.15 / count
    return el(
        "rect",
        x=_percent(place / count + gap / 2),
        y=f"{y:.2f}",
        width=_percent(1 / count - gap),
        height=f"{height:.2f}",
        class_=class_,
    )


def _key(name: str) -> Html:
    return el("span", el("i", class_=f"dot s-{name}"), say(f"row.{name}"))


def _listed(counts: dict[str, int]) -> str:
    words = [f"{say(f'row.{name}')} {count:,}" for name, count in counts.items() if count]
    return "\n" + "\n".join(words) if words else ""


def _moment(at: float, bins: Sequence[TimeBin], width: float, *, whole: bool = False) -> str:
    first, last = (_local(bins[place].at) for place in (0, -1))
    day = "%m-%d " if first.date() != last.date() and (whole or width >= 14400) else ""
    return _local(at).strftime(day + ("%H:%M:%S" if width < 60 else "%H:%M"))


def _local(at: float) -> datetime:
    return datetime.fromtimestamp(at).astimezone()


def _width_words(width: float) -> str:
    if width < 60:
        return say("chart.seconds", count=f"{width:g}")
    if width < 3600:
        return say("chart.minutes", count=f"{width / 60:g}")
    return say("chart.hours", count=f"{width / 3600:g}")


def _waits(waits: Waits | None) -> Html | None:
    if waits is None:
        return None
    most = _round_up(max(waits.counts))
    shapes = []
    count = len(waits.counts)
    for place, number in enumerate(waits.counts):
        if number:
            height = PLOT_HEIGHT * number / most
            low, high = place * waits.width, (place + 1) * waits.width
            words = f"{_seconds(low)} – {_seconds(high)} s: {number:,}"
            bar = _bar(place, count, PLOT_TOP_MARGIN + PLOT_HEIGHT - height, height, "s-plain")
            shapes.append(el("g", el("title", words), bar))
    span = count * waits.width
    for name, value in (("p50", waits.p50), ("p95", waits.p95)):
        shapes.append(_mark(name, min(value / span, 1.0)))
    labels = _labels([f"{_seconds(span * share)} s" for share in (0, 0.5, 1)])
    title = say("chart.waits")
    note = say("chart.waits_note", p50=_seconds(waits.p50), p95=_seconds(waits.p95))
    return _figure(
        title, note, _svg(f"{title}. {note}", *_plot(most, *shapes, at_end=True), *labels)
    )


def _mark(name: str, share: float) -> Html:
    x, y = _percent(share), PLOT_TOP_MARGIN + PLOT_HEIGHT
    anchor = "end" if share > 0.8 else "start"
    line = el("line", x1=x, x2=x, y1=f"{PLOT_TOP_MARGIN - 4:g}", y2=f"{y:g}", class_="mark")
    level = "10" if name == "p50" else "22"
    dx = "-5" if anchor == "end" else "5"
    return joined(
        [line, el("text", name, x=x, y=level, dx=dx, text_anchor=anchor, class_="mark-name")]
    )


def _seconds(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.{2 if value < 10 else 3}g}"


def _classes(classes: Sequence[tuple[str, int]]) -> Html | None:
    if not classes:
        return None
    total = sum(count for _, count in classes)
    lines = [
        (say(f"class.{kind}"), f"{count:,}", count / classes[0][1], f"s-{_tone(kind)}")
        for kind, count in classes[:MAX_BARS]
    ]
    title, note = say("chart.classes"), say("chart.classes_note", count=f"{total:,}")
    return _figure(title, note, _bars(lines))


def _tone(kind: str) -> str:
    return "in_doubt" if kind == "in_doubt" else "failed"


def _costs(models: Sequence[ModelCost], currency: str) -> Html | None:
    """Cost by model if any price is known, else rows by model."""
    if not models:
        return None
    dearest = max((one.cost or 0.0 for one in models), default=0.0)
    if not any(one.cost is not None for one in models):
        most = max(one.done for one in models)
        lines = [
            (one.model, f"{one.done:,}", one.done / most, "s-plain") for one in models[:MAX_BARS]
        ]
        return _figure(say("chart.costs"), say("chart.costs_unknown"), _bars(lines))
    lines = [
        (one.model, _cost_words(one, currency), (one.cost or 0.0) / (dearest or 1.0), "s-plain")
        for one in models[:MAX_BARS]
    ]
    return _figure(say("chart.costs"), say("chart.costs_note"), _bars(lines))


def _cost_words(one: ModelCost, currency: str) -> str:
    if one.cost is None:
        return say("money.unknown")
    amount = f"{format_amount(one.cost)} {currency}".rstrip()
    return say("money.at_least", amount=amount) if one.unpriced else amount


def _bars(lines: Sequence[tuple[str, str, float, str]]) -> Html:
    """A list of bars: name, value in words, share of the longest, class."""
    items = []
    for name, value, share, class_ in lines:
        bar = el(
            "svg",
            el("rect", width="100%", height="8", rx="4", class_="track"),
            el("rect", width=_percent(max(share, 0.004)), height="8", rx="4", class_=class_),
            width="100%",
            height="8",
            aria_hidden="true",
        )
        words = el("div", el("span", name, class_="name"), el("span", value, class_="value"))
        items.append(el("li", words, bar))
    return el("ul", *items, class_="bars")
