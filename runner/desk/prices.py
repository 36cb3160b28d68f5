"""Keeps a price that the person names, in the settings file beside the sheets."""

import json
import re
from pathlib import Path

from runner.catalogue import say
from runner.catalogue.reasons import reason
from runner.exits import Refusal
from runner.settings.file import Origin
from runner.settings.locations import FILE_NAME
from runner.settings.toml_reader import read_file
from runner.settings.trust import is_trusted, trust

CURRENCIES = ("USD", "CNY")
MAX_PRICE = 10_000.0


def keep_price(folder: Path, model: str, price: float, currency: str) -> None:
    """Write the price of one request to a model into the folder's settings file, and trust it.

    A file that is there is changed only if it is trusted: it may have come with the sheets.
    Raises Refusal.
    """
    if not 0 <= price <= MAX_PRICE or currency not in CURRENCIES or not model.isprintable():
        raise Refusal(say("desk.bad_price"))
    file = folder / FILE_NAME
    try:
        before = file.read_bytes() if file.exists() else b""
        if before and not is_trusted(file, before):
            raise Refusal(say("desk.file_not_trusted", file=str(file)))
        after = _with_price(before.decode("utf-8-sig"), model, price, currency).encode()
        read_file(file, Origin.TRUSTED, after)  # it is only written if it can be read again
        part = file.with_suffix(".toml.part")
        part.write_bytes(after)
        part.replace(file)
        trust(file, after)
    except OSError as error:
        raise Refusal(say("desk.price_not_kept", file=str(file), reason=reason(error))) from error


def _with_price(text: str, model: str, price: float, currency: str) -> str:
    """The settings with this price; a table that the desk wrote for the model is replaced."""
    head = f"[prices.{json.dumps(model, ensure_ascii=False)}]"
    table = f"{head}\ncall = {price:.9f}".rstrip("0").rstrip(".")
    table = f'{table}\ncurrency = "{currency}"\n'
    ours = re.compile(rf'^{re.escape(head)}\ncall = [0-9.]+\ncurrency = "[A-Z]+"\n', re.MULTILINE)
    if ours.search(text):
        return ours.sub(lambda _: table, text, count=1)
    gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
    return f"{text}{gap}{table}"
