"""Checks a setup: gateway, key, models, prices, clock, disk, folder, table. Costs nothing."""

import asyncio
import difflib
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from jobs.store import TableError
from jobs.store.integrity import REVISION, damages, on_shared_file_system
from runner.catalogue.money import format_rounded
from runner.catalogue.phrases import detail, phrase
from runner.catalogue.reasons import reason
from runner.exits import Exit
from runner.preflight.gateway_info import GatewayInfo, ask_gateway, target_of
from runner.preflight.models import MODELS, ask_for_models, json_object, models_in
from runner.prices.book import book
from runner.prices.price_list import PriceList
from runner.protocol.base_url import other_forms, request_url
from runner.protocol.call import Delivery, NotSent, Reply
from runner.secret import Secret
from runner.settings.keys import KeyRefusal, find_key, keys_name
from runner.settings.settings import Settings
from runner.transport.addresses import proxy_for
from runner.transport.client import Target, TargetError
from runner.workspace.workspace import Workspace

MAX_CLOCK_SKEW_SECONDS = 90.0  # seconds that two clocks may differ
LITTLE_DISK_BYTES = 1_000_000_000  # bytes of free disk below which it is said
MAX_MODELS_NAMED = 8


class CheckState(StrEnum):
    """The result of one check."""

    GOOD = "good"
    NOTE = "note"  # works, and is worth knowing
    BAD = "bad"  # a run would not get through


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check and its result. Its sentence is `doctor.<name>.<found>` in the catalogue."""

    name: str
    found: str
    health: CheckState = CheckState.GOOD
    values: Mapping[str, str] = field(default_factory=dict)
    code: Exit = Exit.DONE  # what a bad one means for the exit code


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """All checks. `models` is None if the gateway does not list them."""

    checks: tuple[Check, ...]
    models: tuple[str, ...] | None = None


def _bad(name: str, found: str, code: Exit = Exit.UNUSABLE, **values: str) -> Check:
    return Check(name=name, found=found, health=CheckState.BAD, values=values, code=code)


def _note(name: str, found: str, **values: str) -> Check:
    return Check(name=name, found=found, health=CheckState.NOTE, values=values)


def _good(name: str, found: str, **values: str) -> Check:
    return Check(name=name, found=found, values=values)


def examine(settings: Settings, workspace: Workspace | None, wanted: Sequence[str]) -> Diagnosis:
    """Run all checks; `wanted` are the models that the sheet uses."""
    checks: list[Check] = [_proxy(settings)]
    key = None
    try:
        key = find_key(settings, os.environ)
    except KeyRefusal as refusal:
        checks.append(_bad("key", "refused", why=refusal.message))
    else:
        if key is None:
            checks.append(_bad("key", "none", provider=keys_name(settings)))
    models, info = None, GatewayInfo()
    if not settings.address_is_own:
        checks.append(_note("connection", "not_asked", url=settings.base_url))
        return Diagnosis(checks=(*checks, *_of_place(workspace)))
    try:
        target = target_of(settings, key or Secret("none"))
    except TargetError as error:
        checks.append(_bad("connection", "unusable", why=reason(error)))
    else:
        began = time.time()
        delivery = asyncio.run(ask_for_models(target))
        checks += _of_gateway(settings, delivery, key, began=began, target=target)
        models = models_in(delivery)
        if isinstance(delivery, Reply):
            info = ask_gateway(target)
    checks += _of_models(wanted, models)
    checks += _of_prices(settings, wanted, info)
    checks += _of_place(workspace)
    return Diagnosis(checks=tuple(checks), models=models)


# --- the gateway --------------------------------------------------------------------------------


def _proxy(settings: Settings) -> Check:
    if settings.provider.proxy is not None:
        return _note("proxy", "settings", host=_host(settings.provider.proxy.reveal()))
    found = proxy_for(settings.base_url, os.environ)
    return _good("proxy", "none") if found is None else _note("proxy", "system", host=_host(found))


def _host(url: str) -> str:
    """The address of a proxy without user name and password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{(parts.netloc or '').rpartition('@')[2]}"


def _of_gateway(
    settings: Settings, delivery: Delivery, key: Secret | None, *, began: float, target: Target
) -> Iterator[Check]:
    url = settings.base_url
    if isinstance(delivery, NotSent):
        yield _bad("connection", "unreached", Exit.PROVIDER, url=url, why=_why(delivery))
        return
    if not isinstance(delivery, Reply):
        yield _bad("connection", "no_answer", Exit.PROVIDER, url=url, why=_why(delivery))
        return
    yield _of_reply(delivery, url, target)
    if key is not None:
        yield from _of_key(delivery, key, url)
    yield from _of_clock(delivery, began)


def _why(delivery: Delivery) -> str:
    return detail(getattr(delivery, "detail", "")) or getattr(delivery, "cause", "")


def _of_reply(reply: Reply, url: str, target: Target) -> Check:
    """Check that an API answers here; with a wrong path the gateway's web console does."""
    if 300 <= reply.status < 400:
        return _bad("connection", "redirect", url=url, to=reply.headers.get("location", "?"))
    is_unknown = reply.status == 404 and models_in(reply) is None
    is_api = _is_json(reply) or reply.status in (401, 403)
    other = _other_base(target) if is_unknown or not is_api else None
    if other is not None:
        return _bad("connection", "elsewhere", url=url, other=other)
    if is_api:
        asked = request_url(url, MODELS)
        return _good("connection", "good", url=url, asked=asked, ms=f"{reply.seconds * 1000:,.0f}")
    if reply.body.lstrip()[:1] == b"<" and reply.status == 200:
        return _bad("connection", "console", url=url)
    if reply.status == 404:
        return _note("connection", "no_list", url=url)
    return _bad("connection", "strange", Exit.PROVIDER, url=url, status=str(reply.status))


def _other_base(target: Target) -> str | None:
    """A form of the same address under which the free list of models answers, if there is one."""
    for other in other_forms(target.base_url):
        found = asyncio.run(ask_for_models(replace(target, base_url=other)))
        if isinstance(found, Reply) and (models_in(found) is not None or _is_refused(found)):
            return other
    return None


def _is_refused(reply: Reply) -> bool:
    """True if an API answers that the key is refused: no console does that in JSON."""
    return reply.status in (401, 403) and _is_json(reply)


def _is_json(reply: Reply) -> bool:
    return json_object(reply.body) is not None


def _of_key(reply: Reply, key: Secret, url: str) -> Iterator[Check]:
    masked = key.masked()
    if reply.status in (401, 403):
        yield _bad("key", "rejected", Exit.PROVIDER, key=masked, url=url)
    elif reply.status == 200 and models_in(reply) is not None:
        yield _good("key", "accepted", key=masked)
    elif _is_json(reply):
        yield _note("key", "unproven", key=masked)


def _of_clock(reply: Reply, began: float) -> Iterator[Check]:
    """Compare the clocks: expiry and Retry-After dates depend on ours."""
    with suppress(KeyError, TypeError, ValueError):
        theirs = parsedate_to_datetime(reply.headers["date"]).timestamp()
        skew = began - theirs
        seconds = f"{abs(skew):,.0f}"
        if abs(skew) <= MAX_CLOCK_SKEW_SECONDS:
            yield _good("clock", "good")
        else:
            yield _note("clock", "fast" if skew > 0 else "slow", seconds=seconds)


def _of_models(wanted: Sequence[str], models: tuple[str, ...] | None) -> Iterator[Check]:
    if models is None:
        return
    yield _good("models", "listed", count=f"{len(models):,}")
    for model in wanted:
        if model in models or model.startswith("mj_"):
            continue
        near = difflib.get_close_matches(model, models, n=1, cutoff=0.5)
        found = "meant" if near else "unlisted"
        yield _note("models", found, model=model, near=near[0] if near else "")


def _of_prices(settings: Settings, wanted: Sequence[str], info: GatewayInfo) -> Iterator[Check]:
    listing = info.listing
    prices = PriceList(own=settings.prices, gateway=listing.tariffs if listing is not None else {})
    if listing is not None:
        yield _good("prices", "gateway", count=f"{len(listing.tariffs):,}")
    else:
        yield _note("prices", "book", date=book().date)
    unpriced = [model for model in wanted if prices.of(model) is None]
    if unpriced:
        yield _note("prices", "unknown", models=", ".join(unpriced[:MAX_MODELS_NAMED]))
    if info.balance is not None and info.balance.left is not None:
        yield _good("prices", "till", left=format_rounded(float(info.balance.left)))


# --- this machine -------------------------------------------------------------------------------


def _of_place(workspace: Workspace | None) -> Iterator[Check]:
    folder = workspace.folder if workspace is not None else Path.cwd()
    there = next(one for one in (folder, *folder.parents) if one.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        yield _bad("folder", "unwritable", folder=str(folder))
    else:
        yield _good("folder", "good", folder=str(folder))
    free = shutil.disk_usage(there).free
    words = f"{free / 1e9:,.1f} GB"
    yield (
        _good("disk", "good", free=words)
        if free >= LITTLE_DISK_BYTES
        else _note("disk", "little", free=words)
    )
    if on_shared_file_system(there):
        yield _note("folder", "shared")
    if workspace is not None and workspace.table.exists():
        yield from _of_table(workspace)


def _of_table(workspace: Workspace) -> Iterator[Check]:
    try:
        found = damages(workspace.table)
    except TableError as error:
        yield _bad("table", "unusable", why=reason(error))
        return
    if found:
        yield _bad("table", "damaged", why="; ".join(map(phrase, found)))
    else:
        yield _good("table", "good", revision=REVISION)
    if workspace.is_running():
        yield _note("table", "held")
