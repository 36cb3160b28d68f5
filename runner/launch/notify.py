"""Notifies people that a run has ended: counts, cost and the next command, no prompts."""

import base64
import hashlib
import hmac
import json
import logging
import os
import re
import shlex
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from urllib.parse import quote_plus, urlsplit

import httpx

from runner.catalogue import say
from runner.catalogue.money import format_rounded
from runner.catalogue.reasons import reason
from runner.console.screen import print_message
from runner.exits import Refusal
from runner.secret import Secret, redacted
from runner.settings.keys import read_secret
from runner.settings.notices import RUN_PREFIX
from runner.settings.settings import Settings
from runner.transport.addresses import proxy_for

log = logging.getLogger("rowmill")

MAX_TRIES = 3
TRY_TIMEOUT_SECONDS = 5.0
FIRST_RETRY_SECONDS = 0.5  # seconds; doubled each time
CONNECT_TIMEOUT_SECONDS = 3.0
APPRISE_TIMEOUT_SECONDS = 20.0
COMMAND_TIMEOUT_SECONDS = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunNews:
    """The news of a run: `record` as `--json` prints it, and the same as a few sentences."""

    record: Mapping[str, object]
    text: str


def announce(settings: Settings, record: Mapping[str, object], *, tells: bool = True) -> None:
    """Send the notification and run the person's command. A failure is printed, and is no error.

    `tells` is False where another host of the run sends the notification.
    """
    news = RunNews(record=record, text=_text(record))
    problem = None
    try:
        url, secret = _address(settings) if tells else (None, None)
        if url is not None:
            problem = notify(url, news, secret=secret)
    except Refusal as error:  # the secret cannot be read
        problem = error.message
    if problem is not None:
        print_message(say("notify.failed", reason=problem))
    command = settings.on_finish or (
        settings.notify_section.on_finish if settings.notify_section else None
    )
    if command is not None:
        problem = on_finish(command, news)
        if problem is not None:
            print_message(say("notify.command_failed", reason=problem))


def check_notify(settings: Settings) -> None:
    """Refuse an address that no message can be sent to; warn where its host cannot be reached.

    Nothing is sent. Raises Refusal.
    """
    url, _ = _address(settings)
    if url is None:
        return
    address = url.reveal().strip()
    parts = urlsplit(address)
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*://[^/\s]", address):
        raise Refusal(say("notify.no_address"))
    if parts.scheme not in ("http", "https"):
        if find_spec("apprise") is None:
            raise Refusal(f"{say('notify.no_address')} {say('notify.no_apprise')}")
        return
    try:
        host, port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise Refusal(say("notify.no_address")) from error
    if not host:
        raise Refusal(say("notify.no_address"))
    if proxy_for(address, os.environ) is not None:
        return
    try:
        socket.create_connection((host, port), timeout=CONNECT_TIMEOUT_SECONDS).close()
    except OSError as error:
        print_message(say("cli.warning", text=say("notify.unreachable", reason=reason(error))))


def _address(settings: Settings) -> tuple[Secret | None, Secret | None]:
    """The address and the signing secret: option and environment before the settings file."""
    section = settings.notify_section
    secret = None
    if section is not None and section.secret_from is not None:
        secret = read_secret(section.secret_from, os.environ)
    if settings.notify is not None:
        return Secret(settings.notify), secret
    if section is not None and section.url is not None:
        return Secret(section.url), secret
    if section is not None and section.url_from is not None:
        return read_secret(section.url_from, os.environ), secret
    return None, secret


def _text(record: Mapping[str, object]) -> str:
    rows = record["rows"]
    assert isinstance(rows, Mapping)
    head = say("notify.stopped" if record["stopped"] else "notify.finished", sheet=record["sheet"])
    lines = [head, say("notify.rows", **{name: f"{rows[name]:,}" for name in _COUNTS_SHOWN})]
    if record.get("top_failure"):
        lines.append(say("notify.top_failure", kind=record["top_failure"]))
    cost = record.get("cost")
    if isinstance(cost, int | float):
        currency = str(record.get("currency") or "")
        lines.append(say("notify.cost", cost=format_rounded(cost, currency)))
    lines.append(say("notify.next", command=record["next"]))
    return "\n".join(lines)


_COUNTS_SHOWN = ("done", "failed", "in_doubt", "pending")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One HTTP request of a message."""

    url: str
    body: bytes


def message_of(url: str, news: RunNews, *, secret: str | None, now: float) -> Message:
    """The news in the form of the service at this address; an unknown one gets the record."""
    path = urlsplit(url).path
    for pattern, write in _SERVICES:
        if re.search(pattern, path if pattern.startswith("/") else url):
            address, body = write(url, news.text, secret, now)
            break
    else:
        address, body = url, {**news.record, "text": news.text}
    return Message(url=address, body=json.dumps(body, ensure_ascii=False).encode())


_Body = Mapping[str, object]


def _feishu(url: str, text: str, secret: str | None, now: float) -> tuple[str, _Body]:
    """Feishu and Lark: time and secret are the key of the signature; its message is empty."""
    body: dict[str, object] = {"msg_type": "text", "content": {"text": text}}
    if secret is not None:
        moment = str(int(now))
        signed = hmac.new(f"{moment}\n{secret}".encode(), b"", hashlib.sha256).digest()
        body |= {"timestamp": moment, "sign": base64.b64encode(signed).decode()}
    return url, body


def _dingtalk(url: str, text: str, secret: str | None, now: float) -> tuple[str, _Body]:
    """DingTalk: time and signature are part of the address."""
    if secret is not None:
        moment = str(int(now * 1000))
        signed = hmac.new(secret.encode(), f"{moment}\n{secret}".encode(), hashlib.sha256)
        sign = quote_plus(base64.b64encode(signed.digest()))
        url += f"{'&' if '?' in url else '?'}timestamp={moment}&sign={sign}"
    return url, {"msgtype": "text", "text": {"content": text}}


def _wecom(url: str, text: str, secret: str | None, now: float) -> tuple[str, _Body]:
    del secret, now
    return url, {"msgtype": "text", "text": {"content": text}}


def _slack(url: str, text: str, secret: str | None, now: float) -> tuple[str, _Body]:
    del secret, now
    return url, {"text": text}


_SERVICES: tuple[tuple[str, Callable[[str, str, str | None, float], tuple[str, _Body]]], ...] = (
    (r"/open-apis/bot/v2/hook/", _feishu),
    (r"/robot/send$", _dingtalk),
    (r"/cgi-bin/webhook/send$", _wecom),
    (r"hooks\.slack\.com", _slack),
)
"""Chat services, recognised by the path or host of their webhooks."""


def notify(url: Secret, news: RunNews, *, secret: Secret | None = None) -> str | None:
    """Send the news; returns why that failed, or None. Takes seconds at most and never raises."""
    address = url.reveal().strip()
    if re.match(r"https?://", address):
        return _post(address, news, secret)
    return _with_apprise(address, news)


def _post(url: str, news: RunNews, secret: Secret | None) -> str | None:
    problem = ""
    key = secret.reveal() if secret is not None else None
    with httpx.Client(timeout=TRY_TIMEOUT_SECONDS, follow_redirects=False) as client:
        for number in range(MAX_TRIES):
            if number:
                time.sleep(FIRST_RETRY_SECONDS * 2.0 ** (number - 1))
            message = message_of(url, news, secret=key, now=time.time())
            try:
                answer = client.post(
                    message.url,
                    content=message.body,
                    headers={"Content-Type": "application/json; charset=utf-8"},
                )
            except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
                problem = type(error).__name__
                continue
            if answer.is_success:
                return _said_no(answer)
            problem = f"HTTP {answer.status_code}"
            if answer.status_code < 500 and answer.status_code != 429:
                break
    return problem


def _said_no(answer: httpx.Response) -> str | None:
    """The refusal of a chat service, which is 200 with a code in the body; else None."""
    try:
        found = answer.json()
    except ValueError:
        return None
    code = (
        next((found[one] for one in ("code", "errcode") if one in found), 0)
        if isinstance(found, dict)
        else 0
    )
    if code in (0, "0", 200, None):
        return None
    words = found.get("msg") or found.get("errmsg") or ""
    return redacted(f"{code} {words}".strip())[:200]


def _with_apprise(url: str, news: RunNews) -> str | None:
    """Send with apprise, on a thread of its own, since its calls cannot be cancelled."""
    try:
        import apprise  # noqa: PLC0415 - an extra, and slow to load
    except ImportError:
        return say("notify.no_apprise")
    result: list[bool | str] = []

    def send() -> None:
        try:
            service = apprise.Apprise()
            good = service.add(url)
            result.append(bool(good and service.notify(body=news.text, title="rowmill")))
        except Exception as error:  # noqa: BLE001 - a bug in one of 170 services is no bug of ours
            result.append(type(error).__name__)

    thread = threading.Thread(target=send, name="notify", daemon=True)
    thread.start()
    thread.join(APPRISE_TIMEOUT_SECONDS)
    if thread.is_alive():
        return say("notify.slow", seconds=int(APPRISE_TIMEOUT_SECONDS))
    if result == [True]:
        return None
    return str(result[0]) if isinstance(result[0], str) else say("notify.refused")


def on_finish(command: str, news: RunNews) -> str | None:
    """Run the person's command, without a shell; returns why that failed, or None.

    Its environment has the counts, and none of our secrets.
    """
    words = shlex.split(command, posix=os.name == "posix")
    given = {key: value for key, value in os.environ.items() if redacted(value) == value}
    given.pop("ROWMILL_API_KEY", None)
    try:
        # Its output is for a person, and our stdout is for data.
        done = subprocess.run(  # noqa: S603 - the person's own command
            words,
            env={**given, **variables_of(news)},
            stdin=subprocess.DEVNULL,
            stdout=sys.__stderr__ if _is_real(sys.__stderr__) else subprocess.DEVNULL,
            check=False,
            timeout=COMMAND_TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return say("notify.slow", seconds=int(COMMAND_TIMEOUT_SECONDS))
    except (OSError, ValueError) as error:
        return reason(error) if isinstance(error, OSError) else type(error).__name__
    return None if done.returncode == 0 else say("notify.exit", code=done.returncode)


def variables_of(news: RunNews) -> dict[str, str]:
    """The record as environment variables: `rows.done` is ROWMILL_RUN_DONE."""
    flat: dict[str, object] = {}
    for key, value in news.record.items():
        if isinstance(value, Mapping):
            flat.update(value if key == "rows" else {})
        else:
            flat[key] = value
    return {
        f"{RUN_PREFIX}{key.upper()}": "" if value is None else str(value)
        for key, value in flat.items()
        if isinstance(value, str | int | float | None) and key != "schema"
    }


def _is_real(stream: object) -> bool:
    try:
        return stream is not None and stream.fileno() >= 0  # type: ignore[attr-defined]  # a file
    except (OSError, ValueError):
        return False
