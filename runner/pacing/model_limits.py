"""Tells a limit of one model from a limit of the account, and holds that model alone."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

FIRST_HOLD_SECONDS = 1.0
MAX_HOLD_SECONDS = 60.0  # of our own; a wait that the provider asks for may be longer
PROBE_MARGIN_SECONDS = 0.2  # beyond the account's pause, so that another model is tried first


@dataclass(slots=True)
class _Model:
    refusals: int = 0  # in a row
    refused_at: float = -math.inf
    held_until: float = -math.inf
    others_accepted: bool = False  # a call of another model, begun since the refusal
    is_own: bool = False  # the limit is this model's, not the account's
    trial: int = 0  # calls of an own limit's trial that are in flight


class ModelLimits:
    """Holds models of one account. Times are seconds of one steady clock.

    After a refusal another model is tried first. If that is accepted, and the refused model is
    refused again, its limit is its own: it is held alone, for growing times, and then one call
    tries whether it is over.
    """

    def __init__(self) -> None:
        self._models: dict[str, _Model] = {}

    @property
    def seen(self) -> Iterable[str]:
        """All models that had a call."""
        return self._models.keys()

    def began(self, model: str) -> None:
        """A call of a model begins."""
        found = self._models.setdefault(model, _Model())
        found.trial += found.is_own

    def ended(self, model: str, now: float) -> None:
        """A call of a model is over; without a refusal the model is free."""
        found = self._models.setdefault(model, _Model())
        if found.trial:
            found.trial -= 1
            if not found.trial and found.held_until <= now:
                self._models[model] = _Model()

    def accepted(self, model: str, began: float) -> None:
        """A call of a model that began then was accepted."""
        for name, found in self._models.items():
            if name == model and began > found.refused_at:
                self._models[name] = _Model(trial=found.trial)
            elif began > found.refused_at:
                found.others_accepted = True

    def refused(self, model: str, now: float, began: float, pause: float) -> bool:
        """A call was told to slow down. True if that is the model's own limit, now held.

        `pause` is what the account pauses for, or the provider asks for.
        """
        found = self._models.setdefault(model, _Model())
        if began <= found.refused_at:
            return found.is_own  # it was in flight together with the one before
        found.is_own = found.is_own or (found.refusals > 0 and found.others_accepted)
        found.refusals += 1
        found.refused_at, found.others_accepted = now, False
        if found.is_own:
            own = FIRST_HOLD_SECONDS * 2.0 ** min(found.refusals - 2, 10)
            found.held_until = now + max(pause, min(own, MAX_HOLD_SECONDS))
        else:
            found.held_until = now + pause + PROBE_MARGIN_SECONDS
        return found.is_own

    def held(self, now: float) -> frozenset[str]:
        """Models that no call may go to now."""
        return frozenset(
            name for name, one in self._models.items() if now < one.held_until or one.trial
        )

    def on_trial(self, now: float) -> str | None:
        """A model of which one call is due, to try whether its limit is over."""
        for name, one in self._models.items():
            if one.is_own and not one.trial and now >= one.held_until:
                return name
        return None

    def forget(self, model: str) -> None:
        """There was nothing to try it with."""
        self._models[model] = _Model()

    def release_unproven(self) -> bool:
        """No other model can be tried: free those that are held for that. True if any was."""
        held = [
            one for one in self._models.values() if not one.is_own and one.held_until > -math.inf
        ]
        for one in held:
            one.held_until = -math.inf
        return bool(held)

    def next_at(self, now: float) -> float:
        """When a held model is worth a look; inf: none is held."""
        moments = [max(self._models[name].held_until, now + 0.5) for name in self.held(now)]
        return min(moments, default=math.inf)
