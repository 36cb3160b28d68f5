"""Finds out which column of a sheet gives which request field."""

import difflib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from jobs.sheet.finding import Finding, Severity, excerpt
from jobs.sheet.names import ALIASES, body_name, letter, normalise, split_number
from jobs.sheet.result_names import result_name

__all__ = ["ALIASES", "READ_COLUMNS", "RESULT_COLUMNS", "ColumnMap", "map_columns", "normalise"]

RESULT_COLUMNS = (
    *("result_status", "result_text", "result_urls", "result_files", "result_error"),
    *("result_error_class", "result_finish", "result_prompt_tokens", "result_completion_tokens"),
    *("result_total_tokens", "result_cost", "result_seconds", "result_attempts", "result_model"),
    *("result_request_id", "result_finished_at", "result_data", "result_lane", "result_row"),
    *("result_key", "result_pick"),
)
"""The columns that rowmill writes beside the user's own, in their order."""

READ_COLUMNS = frozenset({*RESULT_COLUMNS, "result_picture", "result_link"})
"""The columns of ours in a results file, or in a copy of the user's workbook."""

_ALWAYS = frozenset({"endpoint", "model", "params"})
_COMMON_FIELDS = ("prompt", "image", "model", "size", "n", "system")
_IDENTITIES = ("id", "编号", "編號", "uuid", "sku")  # best first
MULTI_COLUMN_FIELD = "image"  # the only field that several columns may give, in order
_NO_COLUMNS: Mapping[str, str] = MappingProxyType({})
MAX_NAME_LENGTH = 100  # characters: longer names are not compared with others, which takes long
MAX_HEADERS_COMPARED = 500  # carried columns that are checked for a misspelt name
MAX_FIELDS_LISTED = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMap:
    """Which column gives which field; all other columns are carried through untouched.

    `fields` holds (column index, field) in sheet order, numbered pictures by their number;
    `id_column` is a candidate only: the loader checks that its cells are unique.
    """

    fields: tuple[tuple[int, str], ...] = ()
    guessed: frozenset[int] = frozenset()  # columns whose header only resembles the field's name
    id_column: int | None = None
    result_columns: tuple[int, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Guessing:
    """What a recognised column gives way to: explicit choices beat guesses.

    A column that the template names is words only. An option given by a flag beats a column whose
    header only resembles the field's name. `unsuited` columns have values that their field does
    not take, and the finding that says so.
    """

    template_columns: Collection[int] = ()
    flags: Collection[str] = ()  # fields that a flag gives
    unsuited: Mapping[int, Finding] = field(default_factory=dict)


_NO_GUESSING = Guessing()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """A column that may give a field."""

    index: int
    field: str
    number: int = 0  # of image_2


def map_columns(
    headers: Sequence[str],
    known: Collection[str],
    *,
    given: Mapping[str, str] = _NO_COLUMNS,
    id_column: str | None = None,
    guessing: Guessing = _NO_GUESSING,
) -> ColumnMap:
    """Fields by `given` (header → field, or "" for none) first, then by name.

    `known` are the fields that some endpoint has; endpoint, model, params and body.<name> are
    always known. Errors are findings: nothing is raised.
    """
    findings: list[Finding] = []
    fields = {normalise(field): field for field in _ALWAYS | frozenset(known)}
    mapped, unmapped = _mapped_claims(headers, fields, given, findings)
    taken = {claim.field for claim in mapped}
    mapped_columns = {claim.index for claim in mapped}
    results = tuple(
        index
        for index, header in enumerate(headers)
        if result_name(header) in READ_COLUMNS and index not in mapped_columns
    )
    named = [
        claim
        for index, header in enumerate(headers)
        if index not in mapped_columns and index not in results and index not in unmapped
        if (claim := _claim(index, header, fields)) and claim.field not in taken
    ]
    kept = [claim for claim in named if _holds(headers[claim.index], claim, guessing, findings)]
    claims = _without_conflicts(headers, [*mapped, *kept], findings)
    identity = _identity(headers, id_column, findings)
    understood = {claim.index for claim in (*mapped, *named)} | unmapped | set(results)
    findings += _header_notes(headers, understood, fields)
    return ColumnMap(
        fields=tuple((claim.index, claim.field) for claim in claims),
        guessed=frozenset(
            claim.index
            for claim in claims
            if claim.index not in mapped_columns and not _is_exact(headers[claim.index], claim)
        ),
        id_column=identity,
        result_columns=results,
        findings=tuple(findings),
    )


def _claim(index: int, name: str, fields: Mapping[str, str]) -> _Claim | None:
    """The field that a header, or the right side of --column, names. Exact field names win."""
    body = body_name(name)
    if body is not None:
        return _Claim(index=index, field=f"body.{body}")
    plain = normalise(name)
    if plain in fields:
        return _Claim(index=index, field=fields[plain])
    base, number = split_number(plain)
    field = fields.get(normalise(ALIASES.get(base, "")))
    return _Claim(index=index, field=field, number=number) if field else None


def _is_exact(header: str, claim: _Claim) -> bool:
    """True if the header is the field's own name; `body.NAME` is one however it is spelt."""
    name = header.strip()
    return (
        name == claim.field
        or claim.field.startswith("body.")
        or (claim.number > 0 and name.rstrip("0123456789").rstrip("_") == claim.field)
    )


def _holds(header: str, claim: _Claim, guessing: Guessing, findings: list[Finding]) -> bool:
    """True if a column that was recognised by its name gives its field; if not, a finding."""
    exact = _is_exact(header, claim)
    if claim.index in guessing.template_columns:
        loud = exact and claim.field != "prompt"
        findings.append(_gives_way("words_only", "warning" if loud else "note", header, claim))
        return False
    if exact:
        if claim.field in guessing.flags:
            loud = claim.field == "prompt"
            severity: Severity = "warning" if loud else "note"
            findings.append(_gives_way("column_over_option", severity, header, claim))
        return True
    if claim.field in guessing.flags:
        findings.append(_gives_way("overruled_column", "warning", header, claim))
        return False
    if claim.index in guessing.unsuited:
        findings.append(guessing.unsuited[claim.index])
        return False
    return True


def _gives_way(kind: str, severity: Severity, header: str, claim: _Claim) -> Finding:
    values = (("field", claim.field), ("header", excerpt(header, 40)))
    return Finding(kind=kind, severity=severity, column=header, values=values)


def _mapped_claims(
    headers: Sequence[str],
    fields: Mapping[str, str],
    given: Mapping[str, str],
    findings: list[Finding],
) -> tuple[list[_Claim], set[int]]:
    """The columns that --column maps, and those that it keeps out of requests."""
    claims: list[_Claim] = []
    unmapped: set[int] = set()
    for header, name in given.items():
        index = _column(headers, header, "--column", findings)
        if index is not None and not name.strip():
            unmapped.add(index)
            continue
        claim = _claim(index, name, fields) if index is not None else None
        if claim is not None and claim.field == MULTI_COLUMN_FIELD and not claim.number:
            claims.append(replace(claim, number=len(claims) + 1))
        elif claim is not None:
            claims.append(claim)
        elif index is not None:
            findings.append(_unknown_field(header, name, fields))
    return claims, unmapped


def _column(headers: Sequence[str], name: str, option: str, findings: list[Finding]) -> int | None:
    """The one column with this header, exactly or normalised; otherwise None and a finding."""
    exact = [index for index, header in enumerate(headers) if header == name]
    plain = normalise(name)
    near = [index for index, header in enumerate(headers) if plain and normalise(header) == plain]
    matches = exact or near
    if len(matches) == 1:
        return matches[0]
    if matches:
        findings.append(
            Finding(
                kind="ambiguous_column",
                severity="error",
                column=name,
                found=_places(headers, matches),
                values=(("option", option),),
            )
        )
    else:
        findings.append(_unknown_column(headers, name, option))
    return None


def _unknown_column(headers: Sequence[str], name: str, option: str) -> Finding:
    near = nearest(name, headers)
    return Finding(
        kind="unknown_column_near" if near else "unknown_column",
        severity="error",
        column=name,
        found=excerpt(name),
        expected=list_headers(headers),
        values=(("option", option), ("near", near)),
    )


def _unknown_field(header: str, field: str, fields: Mapping[str, str]) -> Finding:
    near = nearest(field, sorted(fields.values()))
    return Finding(
        kind="unknown_field_near" if near else "unknown_field",
        severity="error",
        column=header,
        found=excerpt(field),
        expected=", ".join([*_near_fields(field, fields), "body.<name>"]),
        values=(("near", near),),
    )


def _near_fields(name: str, fields: Mapping[str, str]) -> list[str]:
    """The fields that resemble a name, then the commonest ones: never all forty."""
    plain = normalise(name[:MAX_NAME_LENGTH])
    near = difflib.get_close_matches(plain, fields, n=MAX_FIELDS_LISTED, cutoff=0.5)
    common = [one for one in _COMMON_FIELDS if one in fields]
    return [fields[one] for one in dict.fromkeys([*near, *common])][:MAX_FIELDS_LISTED]


def nearest(name: str, names: Sequence[str]) -> str:
    """The most similar name, or "". Very long names are similar to none."""
    if len(name) > MAX_NAME_LENGTH:
        return ""
    short = [one for one in names[:MAX_HEADERS_COMPARED] if len(one) <= MAX_NAME_LENGTH]
    by_plain = {normalise(candidate): candidate for candidate in short}
    near = difflib.get_close_matches(normalise(name), by_plain, n=1)
    return excerpt(by_plain[near[0]], 40) if near else ""


def list_headers(headers: Sequence[str]) -> str:
    """The sheet's columns for a message."""
    shown = [f'"{excerpt(header, 40)}"' for header in headers if header.strip()]
    more = f", … (+{len(shown) - 40})" if len(shown) > 40 else ""
    return f"{', '.join(shown[:40])}{more}"


def _places(headers: Sequence[str], indices: Sequence[int]) -> str:
    return ", ".join(f'"{excerpt(headers[i], 40)}" ({letter(i)})' for i in indices)


def _without_conflicts(
    headers: Sequence[str], claims: Sequence[_Claim], findings: list[Finding]
) -> list[_Claim]:
    """One column for each field and number; a second one is left out, with an error."""
    chosen: dict[tuple[str, int], _Claim] = {}
    for claim in sorted(claims, key=lambda claim: claim.index):
        first = chosen.setdefault((claim.field, claim.number), claim)
        if first is not claim:
            findings.append(_conflict(headers, first, claim))
    return sorted(
        chosen.values(), key=lambda claim: (claim.field == MULTI_COLUMN_FIELD, claim.number)
    )


def _conflict(headers: Sequence[str], first: _Claim, second: _Claim) -> Finding:
    one, other = headers[first.index], headers[second.index]
    return Finding(
        kind="same_header" if one == other else "same_field",
        severity="error",
        column=other,
        found=_places(headers, [first.index, second.index]),
        values=(("field", first.field), ("header", excerpt(one, 40))),
    )


def _identity(headers: Sequence[str], given: str | None, findings: list[Finding]) -> int | None:
    if given is not None:
        return _column(headers, given, "--id", findings)
    plain = [normalise(header) for header in headers]
    return next((plain.index(name) for name in _IDENTITIES if plain.count(name) == 1), None)


def _header_notes(
    headers: Sequence[str], used: Collection[int], fields: Mapping[str, str]
) -> list[Finding]:
    """Findings about carried columns that may be meant as fields."""
    carried = [headers[i] for i in range(len(headers)) if i not in used and headers[i].strip()]
    names = [*fields, *(name for name, field in ALIASES.items() if normalise(field) in fields)]
    notes = _blank_headers(headers)
    counted, counted_carried = Counter(headers), Counter(carried)
    for header in list(counted_carried)[:MAX_HEADERS_COMPARED]:
        if counted[header] > 1 and counted[header] == counted_carried[header]:
            notes.append(_duplicate(headers, header))
        if near := _near_name(header, names):
            notes.append(_misspelt(header, _field_of(near, fields)))
    return notes


def _blank_headers(headers: Sequence[str]) -> list[Finding]:
    blank = [index for index, header in enumerate(headers) if not header.strip()]
    if not blank:
        return []
    values = (("count", len(blank)),)
    first = letter(blank[0])
    return [Finding(kind="blank_header", severity="note", column=first, values=values)]


def _duplicate(headers: Sequence[str], header: str) -> Finding:
    places = [index for index, other in enumerate(headers) if other == header]
    return Finding(
        kind="duplicate_header",
        severity="note",
        column=header,
        found=_places(headers, places),
    )


def _near_name(header: str, names: Sequence[str]) -> str | None:
    """A known name similar to the header. Short words are too often similar."""
    if len(header) > MAX_NAME_LENGTH:
        return None
    plain = normalise(header)
    if len(plain) < 5 or plain in ALIASES or body_name(header) is not None:
        return None
    near = difflib.get_close_matches(plain, names, n=1, cutoff=0.85)
    return near[0] if near else None


def _field_of(name: str, fields: Mapping[str, str]) -> str:
    return fields.get(name) or ALIASES[name]


def _misspelt(header: str, field: str) -> Finding:
    return Finding(
        kind="near_name",
        severity="warning",
        column=header,
        found=excerpt(header, 40),
        expected=field,
    )
