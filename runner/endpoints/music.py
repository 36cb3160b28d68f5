"""Songs from a description or from their words: a task."""

from collections.abc import Mapping
from dataclasses import dataclass

from jobs.job import JSON
from runner.endpoints.dialects.tasks.engine import TaskFacts, task_endpoint, values_of
from runner.endpoints.dialects.tasks.template import Value
from runner.endpoints.endpoint import Measure
from runner.endpoints.fields import body_column, column


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The columns of a music row."""

    prompt: str = column("what the song is about", example="a slow waltz about the last tram home")
    model: str = column("the model's name as the provider writes it", example="chirp-v4")
    lyrics: str | None = column(
        "the words to sing; then the style is in tags, and prompt is not sent", default=None
    )
    tags: str | None = column("the style of a song with lyrics", default=None)
    title: str | None = column("the title of a song with lyrics", default=None)
    instrumental: bool | None = column("no voice", default=None)
    dialect: str | None = column(
        "suno for songs, suno-lyrics for words only", default=None, identity=False
    )
    body: Mapping[str, JSON] = body_column()


def _values(inputs: Inputs) -> Mapping[str, Value]:
    """The fields, and the description of a song that has no words of its own."""
    return {**values_of(inputs), "description": None if inputs.lyrics else inputs.prompt}


SONGS = 2.0  # that one submit makes

ENDPOINT = task_endpoint(
    "music",
    TaskFacts(
        summary="songs out of a description or their words: a task that is asked after",
        usual_seconds=(60.0, 600.0),
        measured=Measure(
            name="songs",
            likely=lambda _: (SONGS, SONGS),
            bound=lambda _: SONGS,
            taken=lambda _, result: float(len(result.pictures)),
        ),
        example={"model": "chirp-v4", "prompt": "a slow waltz about the last tram home"},
    ),
    inputs=Inputs,
    values=_values,
)
