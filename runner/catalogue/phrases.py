"""Says in Chinese what tables, and rooms that know no language, hold in English.

What is not known stays as it is. The patterns are imported by those only who read Chinese.
"""

from runner.catalogue import language


def phrase(text: str, tongue: str | None = None) -> str:
    """What a cell should be or was, or what the system says."""
    if (tongue or language()) != "zh":
        return text
    from runner.catalogue.zh import patterns  # noqa: PLC0415 - see above

    return patterns.phrase(text)


def detail(text: str) -> str:
    """What happened to a row, where these are our words and not a provider's."""
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
