"""A placeholder picture as a value that fits into its own link."""

import base64
import binascii
import json
import re
import zlib
from dataclasses import dataclass

from runner.mock.faults import FileFault

_PROMPT_MAX = 300  # characters; keeps links below 2,000
_SIDE_MIN, _SIDE_MAX, _SIDE = 16, 2048, 512
_UNPACKED_MAX = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class MockPicture:
    """All data needed to draw it, so that links survive a restart of the mock.

    The prompt is `drawable`. `ask` and `number` tell apart the links of two calls, and of two
    pictures of one call.
    """

    prompt: str
    ask: int
    number: int
    width: int = _SIDE
    height: int = _SIDE
    faults: tuple[FileFault, ...] = ()

    def token(self) -> str:
        """The token in its link: letters, digits, `-` and `_`."""
        words = [
            self.prompt,
            self.ask,
            self.number,
            self.width,
            self.height,
            ",".join(self.faults),
        ]
        text = json.dumps(words, ensure_ascii=False, separators=(",", ":"))
        packed = zlib.compress(text.encode(), 1)
        return base64.urlsafe_b64encode(packed).rstrip(b"=").decode("ascii")


def drawable(prompt: str) -> str:
    """The part of a prompt that fits into a link, without lone surrogates."""
    return prompt[:_PROMPT_MAX].encode("utf-8", "replace").decode()


def picture_of(token: str) -> MockPicture | None:
    """The picture of a token; None for a foreign token."""
    try:
        packed = base64.urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
        text = zlib.decompressobj().decompress(packed, _UNPACKED_MAX)
        prompt, ask, number, width, height, faults = json.loads(text)
        return MockPicture(
            prompt=str(prompt),
            ask=int(ask),
            number=int(number),
            width=_side(int(width)),
            height=_side(int(height)),
            faults=tuple(FileFault(word) for word in str(faults).split(",") if word),
        )
    except (binascii.Error, zlib.error, ValueError, TypeError):
        return None


def sides(size: str | None) -> tuple[int, int]:
    """Width and height for `1024x768`, `16:9` or None, limited to what is quick to draw."""
    found = re.fullmatch(r"\s*(\d{1,5})\s*([x×*:])\s*(\d{1,5})\s*", size or "")
    if not found or not int(found[1]) or not int(found[3]):
        return _SIDE, _SIDE
    width, height = int(found[1]), int(found[3])
    if found[2] == ":":
        scale = _SIDE / max(width, height)
        width, height = round(width * scale), round(height * scale)
    return _side(width), _side(height)


def _side(pixels: int) -> int:
    return min(max(pixels, _SIDE_MIN), _SIDE_MAX)
