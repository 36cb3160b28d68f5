"""Makes one row a line of a provider batch."""

from collections.abc import Mapping

from jobs.claimed import Claimed
from jobs.job import JSON
from runner.endpoints.fields import InputError
from runner.endpoints.registry import ENDPOINTS
from runner.files.attachments import AttachmentError
from runner.lanes.batch_wire import BatchForm, Unpackable, row_id
from runner.lanes.packing import Line, expected_bytes
from runner.steps.context import StepOptions
from runner.steps.job_inputs import inputs_of
from runner.transport.bodies import UnencodableError

MAX_REASON = 500  # characters


async def line_of(job: Claimed, number: int, form: BatchForm, options: StepOptions) -> Line | str:
    """The row as a line under the number of its call, or why no batch takes it."""
    endpoint = ENDPOINTS[job.endpoint]
    sharing = endpoint.sharing
    try:
        inputs = await inputs_of(job, endpoint, options)
        call = sharing.build([inputs]) if sharing is not None else endpoint.build(inputs)
        found = form.line(row_id(number), call, job.model)
    except (InputError, AttachmentError, UnencodableError, OSError, ValueError) as error:
        return str(error)[:MAX_REASON]
    if isinstance(found, Unpackable):
        return found.value
    body: Mapping[str, JSON] = call.json or {}
    draws = endpoint.draws or (endpoint.pictures and "image" in job.model)
    vectors = sharing is not None
    return Line(
        content=found,
        url=form.offer.urls.get(call.path, ""),
        answer_bytes=expected_bytes({**job.fields, **body}, draws=draws, vectors=vectors),
        alike=tuple(body.get(name) for name in form.offer.same_body),
    )
