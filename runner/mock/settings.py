"""Settings of one mock gateway."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from jobs.job import JSON
from runner.mock.batch_script import BatchScript
from runner.mock.chance import chance
from runner.mock.faults import FaultPlan
from runner.mock.picture_shapes import PictureShape

PRICE_PER_TEXT = 0.002
PRICE_PER_PICTURE = 0.02
PRICE_PER_FILM = 0.25  # of five seconds, as charged with its submit
PRICE_PER_SONG = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class MockSettings:
    """`port` 0 takes a free one; `latency` is in seconds, fixed or a range.

    `key` is the only accepted key; None accepts any but "sk-bad". `slow` is the extra latency
    of the fault of that name, in seconds; `task_seconds` is the time of a Midjourney task from
    submit to picture; `late_seconds` is that of a film that failed and is done all the same.
    The seed chooses among `forms` of picture answers. `embedding_inputs` is the most texts in
    one request: some vendors allow ten. `pricing` is the price list, if any; `credit` the key's
    initial credit in dollars, if it is published, at one of two paths or hidden behind the
    console's page. `keeps_tier` False: a `service_tier` is taken out of requests, as gateways do.
    `gives_answers` False: answers in the background cannot be fetched, as at New API.
    `honours_keys`: an answer is kept under its Idempotency-Key, and given again for nothing.
    `image_fields` are the accepted names of a picture's form field. `batches` says what happens to
    provider batches.
    """

    port: int = 0
    latency: float | tuple[float, float] = 0.0
    faults: FaultPlan = field(default_factory=FaultPlan)
    bill: Path | None = None
    seed: int = 1
    key: str | None = None
    slow: float = 1.0
    task_seconds: float = 1.0
    late_seconds: float = 1.0
    forms: tuple[PictureShape, ...] = tuple(PictureShape)
    embedding_inputs: int = 2048
    image_fields: tuple[str, ...] = ("image", "image[]")
    pricing: Mapping[str, JSON] | bytes | None = None
    credit: float | None = None
    keeps_tier: bool = True
    honours_keys: bool = False
    gives_answers: bool = True
    till: Literal["token", "billing", "html"] = "token"
    batches: BatchScript = field(default_factory=BatchScript)

    def latency_of(self, sha: str, ask: int) -> float:
        """Latency of this request for this prompt, in seconds."""
        if isinstance(self.latency, tuple):
            low, high = self.latency
            return low + (high - low) * chance(self.seed, sha, ask, "latency")
        return self.latency
