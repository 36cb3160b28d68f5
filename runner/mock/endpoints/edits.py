"""POST /v1/images/edits of the mock: a form with pictures, as strict as OpenAI."""

import base64
from collections.abc import Iterator
from typing import Any

from aiohttp import BodyPartReader, web

from runner.mock.endpoints.images import (
    GPT_FIELDS,
    ImageRequest,
    ImagesEndpoint,
    checked,
    from_texts,
)
from runner.mock.pictures.inspect import measured
from runner.mock.settings import MockSettings
from runner.mock.validation import InvalidRequest, InvalidRequestError, parsed, wrong

_FIELDS = GPT_FIELDS | {"input_fidelity"}
_TYPES = ("image/png", "image/jpeg", "image/webp")
_MOST = {"dall-e-2": 4_000_000}
_MOST_OTHERS = 50_000_000
_SEVERAL = 16


class EditsEndpoint(ImagesEndpoint):
    """The image edit endpoint of one gateway."""

    path = "/v1/images/edits"
    event = "image_edit"

    def __init__(self, settings: MockSettings, base_url: str) -> None:
        super().__init__(settings, base_url)
        self.names = settings.image_fields

    async def read(self, http: web.BaseRequest) -> ImageRequest | InvalidRequest:
        """The request, or the first error in it."""
        try:
            if http.content_type == "application/json":
                given = parsed(await http.content.read())
                files = [*_linked(given.pop("images", []), self.names[-1])]
                files += _linked([given.pop("mask")] if "mask" in given else [], "mask")
                return checked(given, _FIELDS, self._named(files))
            if not http.content_type.startswith("multipart/"):
                wrong("The request must be multipart/form-data.")
            texts, files = await _parts(http)
            return checked(from_texts(texts), _FIELDS, self._named(files))
        except InvalidRequestError as error:
            return error.problem
        except (ValueError, AssertionError):
            return InvalidRequest(message="We could not parse the form of your request.")

    def _named(self, files: list[tuple[str, bytes]]) -> tuple[tuple[str, bytes], ...]:
        """The files under accepted field names; several only under a name for lists."""
        for name, _ in files:
            if name not in (*self.names, "mask"):
                wrong(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
        pictures = [name for name, _ in files if name != "mask"]
        if not pictures:
            first = self.names[0]
            wrong(f"Missing required parameter: '{first}'.", first, "missing_required_parameter")
        if len(pictures) > 1 and "image" in pictures and "image[]" in self.names:
            wrong("Duplicate parameter: 'image'.", "image", "duplicate_parameter")
        if len(files) - len(pictures) > 1:
            wrong("Duplicate parameter: 'mask'.", "mask", "duplicate_parameter")
        return tuple(files)

    def look(self, wanted: ImageRequest) -> tuple[str, ...] | InvalidRequest:
        """A description of the pictures, checked by the rules of the model."""
        try:
            pictures = [data for name, data in wanted.images if name != "mask"]
            sizes = [_fitting(data, wanted.family) for data in pictures]
            if len(sizes) > (1 if wanted.family.startswith("dall-e") else _SEVERAL):
                wrong("This model takes fewer images.", "image", "invalid_image")
            for name, data in wanted.images:
                if name == "mask":
                    _check_mask(data, sizes[0])
        except InvalidRequestError as error:
            return error.problem
        return tuple(f"{kind} {width}×{height}" for kind, width, height in sizes)


async def _parts(
    http: web.BaseRequest,
) -> tuple[list[tuple[str, str]], list[tuple[str, bytes]]]:
    """The text fields and the files of a form."""
    texts, files = list[tuple[str, str]](), list[tuple[str, bytes]]()
    reader = await http.multipart()
    while (part := await reader.next()) is not None:
        if not isinstance(part, BodyPartReader) or not part.name:
            wrong("A part of the form has no name.")
        content = bytes(await part.read())
        if part.filename is None:
            texts.append((part.name, content.decode("utf-8")))
            continue
        kind = part.headers.get("Content-Type", "")
        if kind not in _TYPES:
            wrong(f"Invalid file '{part.name}': unsupported mimetype ('{kind}').", part.name)
        files.append((part.name, content))
    return texts, files


def _linked(links: Any, name: str) -> Iterator[tuple[str, bytes]]:
    """The files of data URLs, as they come in JSON."""
    for link in links:
        head, _, data = str(link.get("image_url")).partition(";base64,")
        if not head.startswith("data:image/") or not data:
            wrong("Only pictures as data URLs are taken.", name, "invalid_value")
        yield name, base64.b64decode(data)


def _fitting(data: bytes, family: str) -> tuple[str, int, int]:
    """Format and size of a picture, checked by the rules of the family."""
    found = measured(data)
    if isinstance(found, InvalidRequest) or len(data) >= _MOST.get(family, _MOST_OTHERS):
        wrong("Invalid image file, please check your image file.", "image", "invalid_image_file")
    kind, width, height = found
    if family == "dall-e-2" and (kind != "PNG" or width != height):
        wrong("Uploaded image must be a square PNG and less than 4 MB.", "image", "invalid_image")
    return found


def _check_mask(data: bytes, size: tuple[str, int, int]) -> None:
    found = measured(data)
    if isinstance(found, InvalidRequest) or found[0] != "PNG":
        wrong("Invalid mask image format - mask must be a PNG.", "mask", "invalid_image_format")
    if found[1:] != size[1:]:
        wrong("Invalid mask image size - mask size must match image size.", "mask", "invalid_size")
