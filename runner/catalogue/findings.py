"""Words for findings in a sheet: where, what is wrong, what was found, what to do."""

from dataclasses import dataclass

from jobs.sheet.finding import Finding, SheetError, Term, excerpt
from runner.catalogue import has_message, language, say, say_in
from runner.catalogue.phrases import phrase


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingText:
    """A finding in one language; `message` says what to do."""

    message: str
    expected: str
    found: str


def finding_text(finding: Finding, tongue: str | None = None) -> FindingText:
    """The sentences of a finding, in `tongue` or else the chosen language."""
    tongue = tongue or language()
    values: dict[str, object] = {
        name: say_in(tongue, f"term.{value}") if isinstance(value, Term) else _as_text(value)
        for name, value in finding.values
    }
    values |= {"found": finding.found, "expected": finding.expected}

    def sentence(part: str, fallback: str) -> str:
        key = f"finding.{finding.kind}{part}"
        return say_in(tongue, key, **values) if has_message(key) else fallback

    return FindingText(
        message=sentence("", finding.kind),
        expected=sentence(".expected", phrase(finding.expected, tongue)),
        found=sentence(".found", phrase(finding.found, tongue)),
    )


def describe(finding: Finding) -> str:
    """One line for people: where, what to do, expected and found."""
    text = finding_text(finding)
    where = [say("finding.at_row", row=finding.row)] if finding.row is not None else []
    if finding.column is not None:
        where.append(say("finding.at_column", column=excerpt(finding.column, 40)))
    # What was found comes first: a long list of what is allowed may be cut off.
    what = [say("finding.was_found", what=text.found)] if text.found else []
    what += [say("finding.was_expected", what=text.expected)] if text.expected else []
    place = say("finding.and").join(where) + say("finding.colon") if where else ""
    detail = say("finding.detail", what=say("finding.then").join(what)) if what else ""
    return f"{place}{text.message}{detail}"


def describe_error(error: SheetError) -> str:
    """Everything that makes a sheet unusable, one line each."""
    sheet = str(error.path) if error.path else say("finding.the_sheet")
    head = say("finding.head", sheet=sheet)
    return "\n".join([head, *(f"  {describe(one)}" for one in error.findings)])


def _as_text(value: str | int) -> str:
    return f"{value:,}" if isinstance(value, int) else value
