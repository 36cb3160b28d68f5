"""Saves the four pictures of a grid: the grid is downloaded once, then cut here."""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias

from jobs.claimed import Claimed
from runner.files.download import DownloadFailure
from runner.files.download import save as save_picture
from runner.files.quarters import cut_quarter
from runner.files.save import NameTaken, Saved
from runner.protocol.pictures import NotAPictureError
from runner.transport.off_loop import off_loop

Download: TypeAlias = Callable[[Claimed, str, Path], Awaitable[Saved | NameTaken | DownloadFailure]]


class Quarters:
    """The grids that are being cut, in a folder for unfinished files."""

    def __init__(self, folder: Path, download: Download) -> None:
        self._folder = folder
        self._download = download
        self._grids: dict[int, Path] = {}  # by call

    async def save(
        self, job: Claimed, url: str, number: int, target: Path
    ) -> Saved | NameTaken | DownloadFailure:
        """Save one quarter as `target` plus its ending."""
        grid = self._grids.get(job.call_id)
        if grid is None:
            got = await self._fetched(job, url)
            if not isinstance(got, Saved):
                return got
            grid = self._grids[job.call_id] = got.path
        try:
            data = await off_loop(partial(cut_quarter, grid, number))
        except NotAPictureError as error:
            return DownloadFailure(cause="not_a_picture", detail=str(error), passing=False)
        return await save_picture(data, target)

    def drop(self, job: Claimed) -> None:
        """Remove the grid of this call, if it was cut."""
        grid = self._grids.pop(job.call_id, None)
        if grid is not None:
            grid.unlink(missing_ok=True)

    async def _fetched(self, job: Claimed, url: str) -> Saved | NameTaken | DownloadFailure:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"grid-{job.id}-{job.call_id}"
        for left in self._folder.glob(f"{name}.*"):  # of a process that died
            left.unlink(missing_ok=True)
        return await self._download(job, url, self._folder / name)
