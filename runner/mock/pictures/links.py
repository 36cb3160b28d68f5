"""The placeholder pictures of one gateway: what is drawn for an ask, and where it can be had."""

from runner.mock.faults import Ask
from runner.mock.pictures.picture import Picture, drawable, sides
from runner.mock.settings import MockSettings


class Easel:
    """Pictures as values; drawing them is for whoever needs the bytes."""

    def __init__(self, settings: MockSettings, base_url: str) -> None:
        self.settings = settings
        self.base_url = base_url

    def picture(self, ask: Ask, number: int, size: str | None) -> Picture:
        """The n-th picture for an ask; 0 is a preview."""
        width, height = sides(size)
        return Picture(
            prompt=drawable(ask.prompt),
            ask=ask.number,
            number=number,
            width=width,
            height=height,
            faults=self.settings.faults.of_files(self.settings.seed, ask.prompt, ask.sha),
        )

    def link(self, picture: Picture, ending: str = "png") -> str:
        """Where it can be downloaded."""
        return f"{self.base_url}/files/{picture.token()}.{ending}"
