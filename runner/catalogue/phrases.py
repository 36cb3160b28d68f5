"""Translates English phrases that come from tables and from code without a catalogue.

Unknown phrases stay as they are. The patterns are imported only if the language is Chinese.
"""

from runner.catalogue import language


def phrase(text: str, tongue: str | None = None) -> str:
    """What a cell holds or should hold, or an error text of the system."""
    if (tongue or language()) != "zh":
        return text
    from runner.catalogue.zh import patterns  # noqa: PLC0415 - see above

    return patterns.phrase(text)


def detail(text: str) -> str:
    """What happened to a row, if the words are ours and not the provider's."""
    if language() != "zh":
        return text
    from runner.catalogue.zh import patterns  # noqa: PLC0415 - see above

    return patterns.detail(text)


def label(text: str) -> str:
    """A label on the summary of a results workbook."""
    if language() != "zh":
        return text
    from runner.catalogue.zh import patterns  # noqa: PLC0415 - see above

    return patterns.label(text)
