"""A yes is a value: to so many calls, at so much at most, to one site, for one plan.

Every way into a run goes through `agree`, and the run checks the value again where it starts.
"""

import hashlib
import json
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from jobs.job import JSON
from jobs.store.loaded_sheets import LoadedSheet
from runner.catalogue import say
from runner.console.screen import folded_text, print_data
from runner.console.usage import ask_typed_yes, ask_yes_no
from runner.exits import Exit, Refusal
from runner.launch.estimate import CostEstimate, time_words
from runner.launch.request import Question
from runner.preflight.forecast import range_words
from runner.settings.file import Origin
from runner.settings.settings import Settings
from runner.settings.values import site
from runner.startup import Phase, preload

ASK = "ask"
"""In place of a yes: what the run would send is printed as JSON, and nothing is sent."""

UNITS_WITHOUT_ASKING = 10.0
PRICE_TOLERANCE = 1.000001  # two sums of the same prices may differ by rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """What a run would send. `most` is the upper end of its price, by currency."""

    calls: int
    most: Mapping[str, float]
    unpriced: tuple[str, ...]  # models
    site: str
    digest: str  # of sheet, options and rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """A yes. Without a plan, it is to whatever the command line asks for: -y, or a cap."""

    plan: RunPlan | None = None

    def covers(self, now: RunPlan) -> bool:
        """True if this is a yes to `now`: the same plan, or less of it."""
        agreed = self.plan
        if agreed is None:
            return True
        return (
            (agreed.site, agreed.digest) == (now.site, now.digest)
            and now.calls <= agreed.calls
            and set(now.unpriced) <= set(agreed.unpriced)
            and all(
                amount <= agreed.most.get(currency, 0.0) * PRICE_TOLERANCE
                for currency, amount in now.most.items()
            )
        )

    def check(self, now: RunPlan) -> None:
        """Raise Refusal where the rows or their price are no longer those that were agreed to."""
        if not self.covers(now):
            raise Refusal(say("run.plan_changed", calls=f"{now.calls:,}"))


def plan_of(
    estimate: CostEstimate,
    settings: Settings,
    loaded: LoadedSheet,
    jobs: Collection[int] | None,
) -> RunPlan:
    """The plan behind an estimate; `jobs` are those of a run that takes only some."""
    parts = [
        loaded.sheet_digest.hex(),
        loaded.options_digest.hex(),
        settings.rows,
        settings.limit,
        sorted(jobs) if jobs is not None else None,
    ]
    digest = hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()
    return RunPlan(
        calls=estimate.calls,
        most={name: high for name, (_, high) in estimate.forecast.amounts.items()},
        unpriced=estimate.forecast.unknown,
        site=site(settings.base_url),
        digest=digest,
    )


def plan_record(plan: RunPlan, estimate: CostEstimate) -> dict[str, JSON]:
    """A plan as public data, with price and time in words; `read_plan` takes it back."""
    return {
        "schema": 1,
        "calls": plan.calls,
        "most": dict(plan.most),
        "unpriced": list(plan.unpriced),
        "site": plan.site,
        "digest": plan.digest,
        "price": range_words(estimate.forecast),
        "time": time_words(estimate.forecast),
    }


def read_plan(text: str) -> RunPlan:
    """A plan that somebody said yes to. Raises Refusal for anything else."""
    try:
        found = json.loads(text)
        return RunPlan(
            calls=int(found["calls"]),
            most={str(name): float(most) for name, most in found["most"].items()},
            unpriced=tuple(map(str, found["unpriced"])),
            site=str(found["site"]),
            digest=str(found["digest"]),
        )
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError) as error:
        raise Refusal(say("run.no_plan"), code=Exit.USAGE) from error


def agree(
    estimate: CostEstimate,
    settings: Settings,
    plan: RunPlan,
    *,
    question: Question | None = None,
    moved_from: str | None = None,
    agreed: str | None = None,
) -> Consent:
    """The yes to a plan: on a terminal by asking, elsewhere by -y or --max-cost, or none needed.

    `question` is asked whatever the plan costs. `moved_from` is the address of the last run where
    this one goes to another that nobody named: that needs a yes too. `agreed` is a yes that was
    given elsewhere, as JSON, or `ask`. Raises Refusal without one.
    """
    if agreed == ASK:
        print_data(json.dumps(plan_record(plan, estimate), ensure_ascii=False))
        raise Refusal(say("run.plan_shown"))
    if agreed is not None:
        consent = Consent(plan=read_plan(agreed))
        consent.check(plan)
        return consent
    if settings.yes or not plan.calls:
        return Consent()
    is_large = plan.calls > settings.ask_above or estimate.forecast.exceeds(UNITS_WITHOUT_ASKING)
    if question is None and not is_large and moved_from is None:
        return Consent(plan=plan)
    words = {
        "calls": f"{plan.calls:,}",
        "host": urlsplit(settings.base_url).netloc,
        "price": range_words(estimate.forecast),
    }
    if not settings.no_input and sys.stdin.isatty() and sys.stderr.isatty():
        preload(Phase.RUN)
        if not _asked(question, words, time_words(estimate.forecast), is_large=is_large):
            raise Refusal(say("run.declined"), code=Exit.STOPPED)
        return Consent(plan=plan)
    if moved_from is not None:
        now = settings.base_url
        raise Refusal(say("run.moved_needs_consent", before=moved_from, now=now))
    # A cap of last time limits this run, and is no consent to it.
    cap = settings.max_cost
    given = settings.sources.get("max_cost") not in {"remembered", Origin.SHEET}
    if cap is None or cap.lifted or not given:
        raise Refusal(say("run.needs_consent", **words))
    return Consent()


def _asked(question: Question | None, words: dict[str, str], time: str, *, is_large: bool) -> bool:
    if question is None:
        return ask_yes_no(folded_text(say("run.ask", **words)), default=False)
    text = folded_text(say(question.key, **words, time=time))
    if is_large and question.typed_yes:
        return ask_typed_yes(text)
    return ask_yes_no(text, default=question.default)
