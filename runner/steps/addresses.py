"""Completes the addresses in an answer that are relative to its gateway."""

from dataclasses import replace
from urllib.parse import urljoin

from jobs.result import Picture, Result
from runner.protocol.base_url import VERSION, request_url


def with_whole_addresses(result: Result, base_url: str) -> Result:
    """The same result; addresses that are relative to the gateway are completed."""
    if not any((picture.url or "").startswith("/") for picture in result.pictures):
        return result
    return replace(result, pictures=tuple(_whole(one, base_url) for one in result.pictures))


def _whole(picture: Picture, base_url: str) -> Picture:
    url = picture.url or ""
    if not url.startswith("/"):
        return picture
    is_path_of_api = url.startswith(f"{VERSION}/")
    return replace(
        picture, url=request_url(base_url, url) if is_path_of_api else urljoin(base_url, url)
    )
