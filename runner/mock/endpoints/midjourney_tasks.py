"""The Midjourney tasks of one mock gateway: values whose records follow from the clock."""

import time
from collections import Counter
from dataclasses import dataclass

from jobs.job import JSON
from runner.mock.chance import prompt_digest
from runner.mock.faults import TaskFault
from runner.mock.pictures.picture import MockPicture

_REMEMBERED = 7200.0  # seconds; older ids from before a restart become unknown
_ENDS = {
    TaskFault.FAILURE: ("FAILURE", "Internal Server Error"),
    TaskFault.BANNED: ("FAILURE", "Banned prompt detected"),
    TaskFault.CANCEL: ("CANCEL", "取消任务"),
}
_FOR_EVER = {TaskFault.HANG: "IN_PROGRESS", TaskFault.MODAL: "MODAL"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task with its final `picture`; its record depends on the time and on its fault."""

    id: str
    action: str  # IMAGINE or BLEND
    prompt: str
    submitted: float  # Unix seconds
    picture: MockPicture
    fault: TaskFault = TaskFault.OK
    key: str | None = None  # the Idempotency-Key of its submit
    price: float = 0.0


class Tasks:
    """All tasks by id. A task from before a restart is recognised by the time in its id."""

    def __init__(self, base_url: str, seconds: float) -> None:
        self.base_url = base_url
        self.seconds = seconds
        self.questions: Counter[str] = Counter()  # by id
        self._known: dict[str, Task] = {}
        self._successes: Counter[str] = Counter()  # polls so far, by id
        self._failures: Counter[str] = Counter()
        self._serial = 0

    def new_id(self) -> str:
        """Sixteen digits, like real ids: milliseconds since 1970, then a counter."""
        self._serial += 1
        return f"{int(time.time() * 1000)}{self._serial % 1000:03}"

    def add(self, task: Task) -> None:
        """Add a task."""
        self._known[task.id] = task

    def known(self, number: str) -> Task | None:
        """The task with that id."""
        if number in self._known:
            return self._known[number]
        born = int(number[:13]) / 1000 if number.isdecimal() and len(number) == 16 else 0.0
        if not 0 < time.time() - born < _REMEMBERED:
            return None
        picture = MockPicture(prompt=f"task {number}", ask=0, number=1)
        return Task(id=number, action="IMAGINE", prompt="", submitted=born, picture=picture)

    def ask(self, number: str) -> tuple[Task | None, int]:
        """Count a poll: returns the task, and the number of earlier polls."""
        before = self.questions[number]
        self.questions[number] += 1
        task = self.known(number)
        hidden = task is not None and (
            task.fault is TaskFault.LOST or (task.fault is TaskFault.UNKNOWN and before == 0)
        )
        return (None if hidden else task), before

    def first_failure(self, task: Task) -> bool:
        """True if this failure is reported for the first time."""
        self._failures[task.id] += 1
        return self._failures[task.id] == 1

    def done(self, task: Task) -> bool:
        """True if its time has passed."""
        return time.time() - task.submitted >= self.seconds and task.fault not in _FOR_EVER

    def record(self, task: Task) -> dict[str, JSON]:
        """The record of a task in New API's form."""
        age = (time.time() - task.submitted) / self.seconds if self.seconds > 0 else 1.0
        status, reason = self._status(task, age), ""
        if status == "SUCCESS" and task.fault in _ENDS:
            status, reason = _ENDS[task.fault]
        ended = status in ("SUCCESS", "FAILURE", "CANCEL")
        told = _TOLD.get(task.action, "{prompt}").format(prompt=task.prompt)
        films: list[JSON] = [
            {"url": f"{self.base_url}/media/mj-{task.id}-{clip}"} for clip in (1, 2)
        ]
        return {
            "id": task.id,
            "action": task.action,
            "customId": "",
            "botType": "",
            "prompt": task.prompt,
            "promptEn": told if ended else task.prompt,
            "description": "提交成功",
            "state": "",
            "submitTime": int(task.submitted * 1000),
            "startTime": int(task.submitted * 1000) + 10 if age >= _STARTED else 0,
            "finishTime": int((task.submitted + self.seconds) * 1000) if ended else 0,
            "imageUrl": self._address(task, status),
            "status": status,
            "progress": _progress(status, age),
            "failReason": reason,
            "videoUrls": films if status == "SUCCESS" and task.action == "VIDEO" else None,
            "buttons": list[JSON](buttons_of(task)) if status == "SUCCESS" else None,
            "maskBase64": "",
            "properties": {"finalPrompt": task.prompt, "finalZhPrompt": ""} if ended else None,
        }

    def _status(self, task: Task, age: float) -> str:
        for status, until in _STAGES:
            if age < until:
                return status
        return _FOR_EVER.get(task.fault, "SUCCESS" if age >= 1 else "IN_PROGRESS")

    def _address(self, task: Task, status: str) -> str:
        if status == "IN_PROGRESS":  # address of a preview
            return f"{self.base_url}/mj/image/{task.id}?rand={time.time_ns()}"
        if status != "SUCCESS":
            return ""
        self._successes[task.id] += 1
        if task.fault is TaskFault.NO_ADDRESS and self._successes[task.id] == 1:
            return ""
        return f"{self.base_url}/files/{task.picture.token()}.png"


_TOLD = {
    "DESCRIBE": "1️⃣ {prompt} --ar 1:1\n2️⃣ another view of {prompt} --ar 1:1",
    "SHORTEN": "1️⃣ {prompt}",
}
"""What tasks without a picture come to."""
_STARTED = 0.3
_STAGES = (("", 0.1), ("NOT_START", 0.2), ("SUBMITTED", _STARTED))
"""The states of a task, each with the share of its time at which it ends."""


def _progress(status: str, age: float) -> str:
    match status:
        case "":
            return ""
        case "SUCCESS" | "FAILURE" | "CANCEL":
            return "100%"
        case "NOT_START":
            return "排队中"
        case _:
            return f"{min(int(age * 100), 99)}%"


def buttons_of(task: Task) -> list[dict[str, JSON]]:
    """The buttons of a finished task."""
    job = prompt_digest(task.id)
    return [
        {
            "customId": f"MJ::JOB::{what}::1::{job}",
            "emoji": "",
            "label": label,
            "type": 2,
            "style": 2,
        }
        for what, label in (("upsample", "U1"), ("variation", "V1"))
    ]
