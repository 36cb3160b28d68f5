"""Guesses the kind of request from a model's name and a sheet's columns: a question's default."""

import re
from collections.abc import Collection

BY_MODEL = (
    (r"embedding|^bge-(?!reranker)|^m3e", "embedding"),
    (r"rerank", "rerank"),
    (r"^(mj|midjourney)", "mj-imagine"),
    (r"whisper|transcribe|asr", "transcribe"),
    (r"tts|^speech", "speech"),
    (r"suno|music|song", "music"),
    (r"sora|veo|kling|vidu|hailuo|jimeng-video|seedance|wan2|video|film", "video"),
    (r"^(dall-e|gpt-image|seedream|doubao-seedream|flux|imagen|stable-diffusion|sd3)", "image"),
    (r"image|banana|picture|draw", "chat-image"),
    (r"^claude", "messages"),
)
"""What a part of a model's name says, the first that fits."""

BY_COLUMN = (
    ("documents", "rerank"),
    ("voice", "speech"),
    ("mask", "image-edit"),
    ("size", "image"),
)
DRAWS, EDITS = "image", "image-edit"


def likely_endpoint(model: str, fields: Collection[str]) -> str:
    """The endpoint that most such sheets mean; `fields` are those that columns became."""
    found = next((name for part, name in BY_MODEL if re.search(part, model.lower())), None)
    if found is None and not model:
        found = next((name for field, name in BY_COLUMN if field in fields), None)
    if found == DRAWS and "image" in fields:
        return EDITS  # pictures go in as well
    return found or "chat"
