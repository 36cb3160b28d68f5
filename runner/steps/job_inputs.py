"""Turns a job's fields into its endpoint's inputs, with the pictures that its cells name."""

import asyncio
from collections.abc import Mapping

from jobs.claimed import Claimed
from jobs.job import JSON
from runner.endpoints.endpoint import AnyEndpoint
from runner.endpoints.inputs import parse, picture_columns
from runner.files.attachments import Reference
from runner.protocol.pictures import Attachment
from runner.steps.context import StepOptions


async def inputs_of(
    job: Claimed, endpoint: AnyEndpoint, options: StepOptions, **own: JSON
) -> object:
    """The inputs to send; `own` are fields that this run itself sets.

    Raises InputError, AttachmentError or OSError if the row cannot become a request.
    """
    fields = dict(job.fields) | own
    endpoint.check(fields)
    pictures: dict[str, tuple[Attachment, ...]] = {}
    for name, references in references_in(endpoint, fields).items():
        pictures[name] = await asyncio.to_thread(_attach, references, job.model, endpoint, options)
    return parse(endpoint.inputs, fields, pictures)


def inputs_to_read(job: Claimed, endpoint: AnyEndpoint) -> object:
    """The inputs without the pictures' bytes, as reading an answer needs them.

    Addresses stay: an answer may show the given pictures beside the new ones.
    """
    references = references_in(endpoint, job.fields)
    stand_ins = {name: tuple(map(_stand_in, found)) for name, found in references.items()}
    return parse(endpoint.inputs, job.fields, stand_ins)


def _stand_in(reference: Reference) -> Attachment:
    return Attachment(url=reference.value if reference.kind == "url" else "")


def references_in(endpoint: AnyEndpoint, fields: Mapping[str, JSON]) -> dict[str, list[Reference]]:
    """The pictures that a job's cells name, by field."""
    found: dict[str, list[Reference]] = {}
    for name in picture_columns(endpoint.inputs):
        value = fields.get(name)
        if isinstance(value, list):
            found[name] = [Reference(**one) for one in value if isinstance(one, dict)]  # type: ignore[arg-type]  # stored by intake from a Reference
    return found


def _attach(
    references: list[Reference], model: str, endpoint: AnyEndpoint, options: StepOptions
) -> tuple[Attachment, ...]:
    """The pictures as this endpoint and model accept them; slow if one has to be converted."""
    found = [options.inputs.load(one) for one in references]
    return tuple(_fitting(one, model, endpoint) for one in found)


def _fitting(item: Attachment, model: str, endpoint: AnyEndpoint) -> Attachment:
    """A picture as the endpoint and model take it; other files stay as they are."""
    if not item.media_type.startswith("image/"):
        return item
    # Imported here because most rows have no pictures.
    from runner.endpoints.dialects.images import takes_only_png  # noqa: PLC0415 - see above
    from runner.files.resize import as_png, fit  # noqa: PLC0415 - see above

    if takes_only_png(model):
        item = as_png(item)
    return item if endpoint.max_picture_bytes is None else fit(item, endpoint.max_picture_bytes)
