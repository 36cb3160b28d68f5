"""The placeholder pictures of one gateway, and their addresses."""

from runner.mock.faults import PromptRequest
from runner.mock.pictures.picture import MockPicture, drawable, sides
from runner.mock.settings import MockSettings


class PictureLinks:
    """Pictures as values; callers draw them when they need the bytes."""

    def __init__(self, settings: MockSettings, base_url: str) -> None:
        self.settings = settings
        self.base_url = base_url

    def picture(self, ask: PromptRequest, number: int, size: str | None) -> MockPicture:
        """The n-th picture for a request; 0 is a preview."""
        width, height = sides(size)
        return MockPicture(
            prompt=drawable(ask.prompt),
            ask=ask.number,
            number=number,
            width=width,
            height=height,
            faults=self.settings.faults.of_files(self.settings.seed, ask.prompt, ask.sha),
        )

    def link(self, picture: MockPicture, ending: str = "png") -> str:
        """The picture's address."""
        return f"{self.base_url}/files/{picture.token()}.{ending}"
