"""Films from words and pictures: a task in one of many vendors' ways."""

from collections.abc import Mapping
from dataclasses import dataclass

from jobs.job import JSON
from jobs.result import Result
from runner.endpoints.dialects.tasks.engine import TaskFacts, task_endpoint
from runner.endpoints.endpoint import Measure
from runner.endpoints.fields import body_column, column
from runner.protocol.pictures import Attachment


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The columns of a video row."""

    model: str = column("the model's name as the provider writes it", example="seedance-1-lite")
    prompt: str = column(
        "what happens in the film", example="a paper boat drifts down a gutter after the rain"
    )
    image: tuple[Attachment, ...] = column(
        "the first picture; several are references: paths or addresses", default=()
    )
    last_image: tuple[Attachment, ...] = column(
        "the last picture, for models that take one: a path or an address", default=(), high=1
    )
    seconds: float | None = column("how long the film is", default=None, low=1, high=600, example=5)
    size: str | None = column("such as 1280x720, for models that take one", default=None)
    resolution: str | None = column("480p, 720p or 1080p, for models that take one", default=None)
    aspect_ratio: str | None = column("16:9, 9:16, 1:1 and others", default=None, example="16:9")
    negative_prompt: str | None = column("what must not be in the film", default=None)
    seed: int | None = column("repeats a film, for models that take one", default=None)
    mode: str | None = column("std or pro, for Kling", default=None)
    audio: bool | None = column("make sound too, for models that can", default=None)
    watermark: bool | None = column("let the provider mark the film", default=None)
    dialect: str | None = column(
        "the vendor's way of asking, such as newapi or kling; else the provider's own",
        default=None,
        identity=False,
    )
    body: Mapping[str, JSON] = body_column()


USUAL_SECONDS = (4.0, 10.0)
"""How long a film is where the row does not say."""


NOMINAL_SECONDS = 0.5  # by which a film may differ from its nominal length


def _likely(fields: Mapping[str, JSON]) -> tuple[float, float]:
    asked = fields.get("seconds")
    return (float(asked), float(asked)) if isinstance(asked, int | float) else USUAL_SECONDS


def _taken(fields: Mapping[str, JSON], result: Result) -> float:
    """The length of the film as its vendor tells it, else as asked for.

    A film of 5.1 seconds was asked for, made and charged as one of 5.
    """
    made = result.data.get("film_seconds")
    if not isinstance(made, int | float):
        return _likely(fields)[1]
    asked = fields.get("seconds")
    is_asked = isinstance(asked, int | float) and abs(made - asked) < NOMINAL_SECONDS
    return float(asked if is_asked else made)  # type: ignore[arg-type]  # a number, as is_asked says


ENDPOINT = task_endpoint(
    "video",
    TaskFacts(
        summary="films out of words and pictures: a task that is asked after",
        usual_seconds=(60.0, 900.0),
        measured=Measure(
            name="seconds", likely=_likely, bound=lambda fields: _likely(fields)[1], taken=_taken
        ),
        example={
            "model": "seedance-1-lite",
            "prompt": "a paper boat drifts down a gutter after the rain",
            "seconds": 5,
            "aspect_ratio": "16:9",
        },
    ),
    inputs=Inputs,
)
