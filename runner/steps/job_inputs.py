"""A job's fields as its endpoint's inputs, with the pictures that its cells name."""

import asyncio
from collections.abc import Mapping

from jobs.job import JSON, Claimed
from runner.endpoints.dialects.images import takes_only_png
from runner.endpoints.endpoint import AnyEndpoint
from runner.endpoints.inputs import parse, picture_columns
from runner.files.attachments import Reference
from runner.files.attachments import load as load_attachment
from runner.files.resize import as_png, fit
from runner.protocol.pictures import Attachment
from runner.steps.context import StepOptions


async def inputs_of(job: Claimed, endpoint: AnyEndpoint, plan: StepOptions, **own: JSON) -> object:
    """The inputs to send; `own` are fields that this run sets itself.

    Raises InputError, AttachmentError or OSError where the row cannot become a request.
    """
    fields = dict(job.fields) | own
    endpoint.check(fields)
    pictures: dict[str, tuple[Attachment, ...]] = {}
    for name, references in references_in(endpoint, fields).items():
        pictures[name] = await asyncio.to_thread(_attach, references, job.model, endpoint, plan)
    return parse(endpoint.inputs, fields, pictures)


def inputs_to_read(job: Claimed, endpoint: AnyEndpoint) -> object:
    """The inputs as reading an answer needs them: without the pictures' bytes."""
    references = references_in(endpoint, job.fields)
    stand_ins = {name: (Attachment(url=""),) * len(found) for name, found in references.items()}
    return parse(endpoint.inputs, job.fields, stand_ins)


def references_in(endpoint: AnyEndpoint, fields: Mapping[str, JSON]) -> dict[str, list[Reference]]:
    """The picture fields of a job, as references to what their cells named."""
    found: dict[str, list[Reference]] = {}
    for name in picture_columns(endpoint.inputs):
        value = fields.get(name)
        if isinstance(value, list):
            found[name] = [Reference(**one) for one in value if isinstance(one, dict)]  # type: ignore[arg-type]  # as the request maker stored them
    return found


def _attach(
    references: list[Reference], model: str, endpoint: AnyEndpoint, plan: StepOptions
) -> tuple[Attachment, ...]:
    """The pictures as this endpoint and this model take them; slow where one is changed."""
    found = [load_attachment(one, folder=plan.folder, allowed=plan.allowed) for one in references]
    if takes_only_png(model):
        found = [as_png(one) for one in found]
    if endpoint.picture_limit is not None:
        found = [fit(one, endpoint.picture_limit) for one in found]
    return tuple(found)
