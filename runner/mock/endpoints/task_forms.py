"""How vendors word tasks of films and songs: what a submit must hold, and what an answer holds."""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from jobs.job import JSON

Fields = Mapping[str, Any]
KLING_PATHS = ("/kling/v1/videos/text2video", "/kling/v1/videos/image2video")
VIDU_PATHS = {
    "/ent/v2/text2video": (0, 0),
    "/ent/v2/img2video": (1, 1),
    "/ent/v2/start-end2video": (2, 2),
    "/ent/v2/reference2video": (1, 7),
}
"""Vidu's paths, each with the fewest and the most pictures."""


class WrongTask(Exception):  # noqa: N818 - it says what is wrong with a submit
    """A submit that its vendor refuses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """A valid submit: what is to be made."""

    form: str
    prompt: str = field(repr=False)
    model: str
    seconds: int = 5
    songs: bool = False
    pictures: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskMoment:
    """A task at one moment: `word` is waiting, running, done, failed or unknown."""

    id: str
    film: Film
    word: str
    link: str = ""
    reason: str = ""
    quota: int = 0
    submitted: int = 0


# --- submits ------------------------------------------------------------------------------------


def read_submit(path: str, query: Mapping[str, str], fields: Fields) -> Film:
    """What a submit asks for; its "key" is the Idempotency-Key. Raises WrongTask."""
    fields, key = dict(fields), fields["key"]
    del fields["key"]
    if path.startswith("/v1/async/") and not key:
        raise WrongTask("Idempotency-Key is required")
    if path in KLING_PATHS:
        return _kling(path, fields)
    if path in VIDU_PATHS:
        return _vidu(path, fields)
    if path == "/jimeng/":
        return _jimeng(query, fields)
    if path.startswith("/v1beta/models/"):
        return _veo(path, fields)
    return _READERS[path](fields)


def is_submit(method: str, path: str) -> bool:
    """True for a path that begins a task."""
    veo = path.startswith("/v1beta/models/") and path.endswith(":predictLongRunning")
    return method == "POST" and (
        veo or path in _READERS or path in KLING_PATHS or path in VIDU_PATHS
    )


def _newapi(fields: Fields) -> Film:
    _known(fields, "model", "prompt", "image", "images", "duration", "size", "metadata", "mode")
    metadata = fields.get("metadata", {})
    if not isinstance(metadata, dict):
        raise WrongTask("metadata must be an object")
    for picture in (fields.get("image"), *fields.get("images", [])):
        _picture(picture)
    return _film("newapi", fields, fields.get("duration"))


def _openai(fields: Fields) -> Film:
    _known(fields, "model", "prompt", "seconds", "size", "input_reference", "metadata")
    seconds = fields.get("seconds")
    if seconds is not None and not (isinstance(seconds, str) and seconds.isdecimal()):
        raise WrongTask("seconds must be a text")
    return _film("openai", fields, None if seconds is None else int(seconds))


def _kling(path: str, fields: Fields) -> Film:
    _known(
        fields,
        *("model_name", "prompt", "negative_prompt", "image", "image_tail", "mode", "duration"),
        *("aspect_ratio", "cfg_scale", "sound"),
    )
    if path.endswith("image2video") != ("image" in fields):
        raise WrongTask("image does not fit the path")
    if "duration" in fields and fields["duration"] not in ("5", "10"):
        raise WrongTask("duration value is invalid")
    for name in ("image", "image_tail"):
        picture = fields.get(name)
        if picture is not None and (str(picture).startswith("data:") or not _is_picture(picture)):
            raise WrongTask("File is not in a valid base64 format")
    seconds = int(fields.get("duration", "5"))
    return _film("kling", {**fields, "model": fields.get("model_name")}, seconds)


def _jimeng(query: Mapping[str, str], fields: Fields) -> Film:
    if query.get("Version") != "2022-08-31":
        raise WrongTask("InvalidVersion")
    _known(
        fields,
        *("req_key", "prompt", "image_urls", "binary_data_base64", "seed", "aspect_ratio"),
        "frames",
    )
    if fields.get("frames") not in (None, 121, 241):
        raise WrongTask("frames must be 121 or 241")
    seconds = 10 if fields.get("frames") == 241 else 5
    return _film("jimeng", {**fields, "model": fields.get("req_key")}, seconds)


def _ark(fields: Fields) -> Film:
    _known(
        fields,
        *("model", "content", "resolution", "ratio", "duration", "seed", "generate_audio"),
        *("watermark", "service_tier", "camera_fixed"),
    )
    content = fields.get("content")
    if not isinstance(content, list) or not content:
        raise WrongTask("content is required")
    words, roles = "", []
    for one in content:
        if one.get("type") == "text":
            words = str(one.get("text") or "")
        elif one.get("type") == "image_url":
            _picture(one.get("image_url", {}).get("url"))
            roles.append(one.get("role", "first_frame"))
        else:
            raise WrongTask("content.type is unknown")
    if "reference_image" in roles and set(roles) != {"reference_image"}:
        raise WrongTask("first frame and reference images exclude each other")
    return _film("ark", {**fields, "prompt": words}, fields.get("duration"))


def _vidu(path: str, fields: Fields) -> Film:
    _known(
        fields,
        *("model", "images", "prompt", "duration", "seed", "resolution", "aspect_ratio", "bgm"),
    )
    fewest, most = VIDU_PATHS[path]
    pictures = fields.get("images", [])
    if not fewest <= len(pictures) <= most:
        raise WrongTask(f"images: {fewest} to {most} are wanted")
    for picture in pictures:
        _picture(picture)
    return _film("vidu", fields, fields.get("duration"))


def _hailuo(fields: Fields) -> Film:
    _known(
        fields,
        *("model", "prompt", "first_frame_image", "last_frame_image", "duration", "resolution"),
    )
    return _film("hailuo", fields, fields.get("duration"))


def _veo(path: str, fields: Fields) -> Film:
    _known(fields, "instances", "parameters")
    instances = fields.get("instances")
    if not isinstance(instances, list) or len(instances) != 1:
        raise WrongTask("instances must have one entry")
    image = instances[0].get("image")
    if image is not None and not {"bytesBase64Encoded", "mimeType"} <= set(image):
        raise WrongTask("image needs bytesBase64Encoded and mimeType")
    seconds = fields.get("parameters", {}).get("durationSeconds")
    model = path.removeprefix("/v1beta/models/").partition(":")[0]
    return _film("veo", {**instances[0], "model": model}, seconds)


def _suno(fields: Fields) -> Film:
    _known(
        fields,
        *("mv", "prompt", "gpt_description_prompt", "tags", "title", "make_instrumental"),
    )
    words = fields.get("prompt") or fields.get("gpt_description_prompt")
    return _film("suno", {"prompt": words, "model": fields.get("mv")}, None, songs=True)


def _lyrics(fields: Fields) -> Film:
    _known(fields, "prompt")
    return _film("lyrics", {**fields, "model": "suno_lyrics"}, None)


def _drawing(fields: Fields) -> Film:
    _known(
        fields,
        *("model", "prompt", "n", "size", "quality", "style", "background", "output_format"),
        *("output_compression", "moderation", "response_format", "user"),
    )
    count = fields.get("n", 1)
    if not isinstance(count, int) or not 1 <= count <= 10:
        raise WrongTask("n is out of range")
    return replace(_film("drawing", fields, None), pictures=count)


_READERS: Mapping[str, Callable[[Fields], Film]] = {
    "/v1/video/generations": _newapi,
    "/v1/videos": _openai,
    "/api/v3/contents/generations/tasks": _ark,
    "/v1/video_generation": _hailuo,
    "/suno/submit/music": _suno,
    "/suno/submit/lyrics": _lyrics,
    "/v1/async/images/generations": _drawing,
}


def _film(form: str, fields: Fields, seconds: Any, *, songs: bool = False) -> Film:
    model, prompt = fields.get("model"), fields.get("prompt")
    if not isinstance(model, str) or not model:
        raise WrongTask("model is required")
    if not isinstance(prompt, str) or not prompt.strip():
        raise WrongTask("prompt is required")
    if seconds is not None and (not isinstance(seconds, int | float) or not 1 <= seconds <= 60):
        raise WrongTask("duration is out of range")
    made = round(seconds) if seconds is not None else 5
    return Film(form=form, prompt=prompt, model=model, seconds=made, songs=songs)


def _known(fields: Fields, *names: str) -> None:
    for name in fields:
        if name not in names:
            raise WrongTask(f"unknown field {name}")


def _picture(value: Any) -> None:
    if value is not None and not _is_picture(value):
        raise WrongTask("a picture is neither an address nor base64")


def _is_picture(value: Any) -> bool:
    if not isinstance(value, str) or not value:
        return False
    if value.startswith(("http://", "https://")):
        return True
    try:
        return bool(base64.b64decode(value.partition(",")[2] or value, validate=True))
    except binascii.Error:
        return False


SUBMIT_PATHS = frozenset({*_READERS, *KLING_PATHS, *VIDU_PATHS, "/jimeng/"})
"""The paths that begin tasks, but for Veo's, which names its model."""


# --- answers ------------------------------------------------------------------------------------


def accepted(state: TaskMoment) -> JSON:
    """What a submit is answered with."""
    return _ACCEPTED.get(state.film.form, _video_object)(state)


def record(state: TaskMoment) -> JSON:
    """What a question after a task is answered with."""
    return _RECORDS[state.film.form](state)


def _video_object(state: TaskMoment) -> JSON:
    return {
        "id": state.id,
        "task_id": state.id,
        "object": "video",
        "model": state.film.model,
        "status": "queued",
        "progress": 0,
        "created_at": state.submitted,
    }


def _drawing_record(state: TaskMoment) -> JSON:
    words = {"waiting": "queued", "running": "running", "done": "succeeded", "failed": "failed"}
    path = f"/v1/async/tasks/{state.id}"
    return {
        "id": state.id,
        "object": "task",
        "status": words.get(state.word, "uncertain"),
        "status_url": path,
        "result_url": f"{path}/result",
        "error": {"message": state.reason} if state.reason else None,
    }


_ACCEPTED: dict[str, Callable[[TaskMoment], JSON]] = {
    "drawing": _drawing_record,
    "kling": lambda one: {
        "code": 0,
        "message": "SUCCEED",
        "request_id": "mock",
        "data": {"task_id": one.id, "task_status": "submitted"},
    },
    "jimeng": lambda one: {"code": 10000, "message": "Success", "data": {"task_id": one.id}},
    "ark": lambda one: {"id": one.id},
    "vidu": lambda one: {"task_id": one.id, "state": "created"},
    "hailuo": lambda one: {
        "task_id": one.id,
        "base_resp": {"status_code": 0, "status_msg": "success"},
    },
    "veo": lambda one: {"name": one.id},
    "suno": lambda one: {"code": "success", "message": "", "data": one.id},
    "lyrics": lambda one: {"code": "success", "message": "", "data": one.id},
}


def _wrapped(state: TaskMoment, data: JSON = None) -> JSON:
    words = {
        "waiting": ("QUEUED", "20%"),
        "running": ("IN_PROGRESS", "50%"),
        "done": ("SUCCESS", "100%"),
        "failed": ("FAILURE", "100%"),
        "modal": ("UNKNOWN", "0%"),
    }
    status, progress = words[state.word]
    return {
        "code": "success",
        "message": "",
        "data": {
            "task_id": state.id,
            "platform": "mock",
            "action": "generate",
            "status": status,
            "fail_reason": state.reason,
            "result_url": state.link or state.reason,
            "submit_time": state.submitted,
            "progress": progress,
            "quota": state.quota,
            "data": data,
        },
    }


def _newapi_record(state: TaskMoment) -> JSON:
    return _wrapped(state, {"duration": state.film.seconds} if state.word == "done" else None)


def _openai_record(state: TaskMoment) -> JSON:
    words = {"waiting": "queued", "running": "in_progress", "done": "completed"}
    found: dict[str, JSON] = {
        "id": state.id,
        "object": "video",
        "model": state.film.model,
        "status": words.get(state.word, "failed"),
        "progress": 0,
        "error": None,
    }
    if state.word == "modal":
        found["status"] = "unknown"
    if state.word == "failed":
        found["error"] = {"code": "task_failed", "message": state.reason}
    return found | {"seconds": str(state.film.seconds), "size": "1280x720"}


def _kling_record(state: TaskMoment) -> JSON:
    words = {"waiting": "submitted", "done": "succeed", "failed": "failed"}
    data: dict[str, JSON] = {
        "task_id": state.id,
        "task_status": words.get(state.word, "processing"),
        "task_status_msg": state.reason,
    }
    if state.link:
        film: JSON = {"id": "1", "url": state.link, "duration": f"{state.film.seconds}.1"}
        data["task_result"] = {"videos": [film]}
    return {"code": 0, "message": "SUCCEED", "request_id": "mock", "data": data}


def _jimeng_record(state: TaskMoment) -> JSON:
    if state.word == "failed":
        return {"code": 50412, "message": state.reason, "data": {"status": "done"}}
    words = {"waiting": "in_queue", "done": "done"}
    return {
        "code": 10000,
        "message": "Success",
        "data": {"status": words.get(state.word, "generating"), "video_url": state.link},
    }


def _ark_record(state: TaskMoment) -> JSON:
    words = {"waiting": "queued", "done": "succeeded", "failed": "failed"}
    found: dict[str, JSON] = {
        "id": state.id,
        "model": state.film.model,
        "status": words.get(state.word, "running"),
    }
    if state.word == "failed":
        return found | {"error": {"code": "InternalServiceError", "message": state.reason}}
    if state.word == "done":
        tokens = state.film.seconds * 20_000
        found |= {"content": {"video_url": state.link}, "duration": state.film.seconds}
        found |= {"usage": {"completion_tokens": tokens, "total_tokens": tokens}}
        found |= {"ratio": "16:9", "resolution": "720p"}
    return found


def _vidu_record(state: TaskMoment) -> JSON:
    words = {"waiting": "queueing", "done": "success", "failed": "failed"}
    found: list[JSON] = [{"id": "1", "url": state.link, "cover_url": ""}] if state.link else []
    code = "SystemError" if state.word == "failed" else ""
    return {
        "id": state.id,
        "state": words.get(state.word, "processing"),
        "err_code": code,
        "credits": 40,
        "creations": found,
    }


def _hailuo_record(state: TaskMoment) -> JSON:
    words = {"waiting": "Queueing", "done": "Success", "failed": "Fail"}
    status = words.get(state.word, "Processing")
    ok = state.word != "failed"
    return {
        "task_id": state.id,
        "status": status,
        "file_id": state.id if state.link else "",
        "base_resp": {"status_code": 0 if ok else 1027, "status_msg": state.reason or "success"},
    }


def _veo_record(state: TaskMoment) -> JSON:
    if state.word == "failed":
        return {"name": state.id, "done": True, "error": {"code": 13, "message": state.reason}}
    if state.word != "done":
        return {"name": state.id}
    samples: JSON = [{"video": {"uri": state.link}}]
    answer: JSON = {"generateVideoResponse": {"generatedSamples": samples}}
    return {"name": state.id, "done": True, "response": answer}


def _suno_record(state: TaskMoment) -> JSON:
    if state.word == "running":
        streaming: JSON = {"id": "1", "status": "streaming", "audio_url": f"{state.link}/live"}
        return _wrapped(state, [streaming])
    songs: list[JSON] = [
        {
            "id": f"{state.id}-{number}",
            "title": "Mock",
            "status": "complete",
            "audio_url": f"{state.link}?song={number}",
            "metadata": {"tags": "mock", "prompt": "[Verse] la", "duration": 1.0},
        }
        for number in (1, 2)
    ]
    return _wrapped(state, songs if state.word == "done" else None)


def _lyrics_record(state: TaskMoment) -> JSON:
    words: JSON = {"text": f"[Verse]\n{state.film.prompt}", "title": "Mock", "status": "complete"}
    return _wrapped(state, words if state.word == "done" else None)


_RECORDS: dict[str, Callable[[TaskMoment], JSON]] = {
    "newapi": _newapi_record,
    "openai": _openai_record,
    "kling": _kling_record,
    "jimeng": _jimeng_record,
    "ark": _ark_record,
    "vidu": _vidu_record,
    "hailuo": _hailuo_record,
    "veo": _veo_record,
    "suno": _suno_record,
    "lyrics": _lyrics_record,
    "drawing": _drawing_record,
}
