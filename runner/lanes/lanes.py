"""Which lanes are sold where, how a call is sent on one, and what the answer says was billed."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from runner.protocol.call import Call, Reply
from runner.protocol.lane_rule import FLEX, LaneRule

_TIER_MEMBER = {"gemini": "serviceTier"}
"""The member of the body that names the tier, where it is not `service_tier`."""
_BILLED_TIER = re.compile(rb'(?<!\\)"service_?[tT]ier"\s*:\s*"([a-z_]{1,40})"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Lanes:
    """The lanes of one provider; `own` are those of the person's settings, by name."""

    base_url: str = ""
    own: Mapping[str, LaneRule] = field(default_factory=dict)

    def rule(self, lane: str, endpoint: str, model: str) -> LaneRule | None:
        """How a call of this endpoint and model is bought on a lane; None if it is not sold."""
        own = self.own.get(lane)
        found = [own] if own is not None else _sold_at(urlsplit(self.base_url).hostname or "")
        return next((one for one in found if _fits(one, lane, endpoint, model)), None)


def on_lane(call: Call, rule: LaneRule, endpoint: str) -> Call:
    """The call as it is bought on a lane; a tier that the row itself names stays."""
    call = replace(call, timeout=max(call.timeout, rule.timeout))
    match rule.form:
        case "path":
            return replace(call, path=rule.path)
        case "base_url":
            return replace(call, base_url=rule.base_url)
        case _:
            member = _TIER_MEMBER.get(endpoint, "service_tier")
            return replace(call, json={member: FLEX, **(call.json or {})})


def was_billed_on(rule: LaneRule, reply: Reply) -> bool:
    """True if the answer says that the lane's price was billed.

    Another address or path sells nothing else. A tier counts only if the answer names it: gateways
    take the member out of the request without a word, and then the full price is billed.
    """
    if rule.form != "service_tier":
        return True
    found = _BILLED_TIER.findall(reply.body)
    return bool(found) and found[-1].decode() == FLEX


@cache
def _shipped() -> tuple[tuple[str, LaneRule], ...]:
    text = files("runner.lanes").joinpath("lanes.toml").read_text(encoding="utf-8")
    return tuple((one["site"], _rule(one)) for one in tomllib.loads(text)["lane"])


def _rule(entry: Mapping[str, Any]) -> LaneRule:
    return LaneRule(
        name=entry["name"],
        form=entry["form"],
        factor=float(entry["factor"]),
        timeout=float(entry["timeout"]),
        endpoints=tuple(entry["endpoints"]),
        models=entry.get("models"),
        base_url=entry.get("base_url", ""),
        path=entry.get("path", ""),
    )


def _sold_at(host: str) -> Sequence[LaneRule]:
    return [rule for site, rule in _shipped() if site == host]


def _fits(rule: LaneRule, lane: str, endpoint: str, model: str) -> bool:
    if rule.name != lane or (rule.endpoints and endpoint not in rule.endpoints):
        return False
    return rule.models is None or re.fullmatch(rule.models, model) is not None
