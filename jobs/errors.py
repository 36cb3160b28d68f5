"""Why something cannot be done, as values; the sentences are the catalogue's."""


class ObstacleError(Exception):
    """Something cannot be done. `kind` names the sentence `obstacle.KIND`, `values` fill it.

    An exception among the values is the reason of this one, and is said in its own words.
    """

    def __init__(self, kind: str, /, **values: str | int | Exception) -> None:
        self.kind = kind
        self.values = values
        super().__init__(kind, values)

    def __str__(self) -> str:
        """For logs; people are told by the catalogue."""
        return ", ".join([self.kind, *(f"{name} {value}" for name, value in self.values.items())])


class TableError(ObstacleError):
    """The table cannot be used: which file, why, and what to do."""


class OlderTableError(TableError):
    """An older rowmill wrote it; whoever writes brings it forward."""


class EmptyTableError(TableError):
    """The file is there and has no tables yet: it is being made, or a death came in between."""
