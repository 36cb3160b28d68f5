"""`rowmill` that keeps nothing of its calls and answers: what `durability` compares a run with.

The table still hands out the rows and remembers which are done. What a death would cost, nobody
could tell: this is for measuring alone, so it lies here and is no switch of the product.
"""

from jobs.store.queue import claims, settles
from runner import cli
from runner.workspace.spool import Spool


def nothing(*_given: object, **_named: object) -> None:
    """Instead of writing something down."""


def main() -> None:
    """The command, after its memory was taken away."""
    for module, names in (
        (claims, ("_open_calls",)),
        (settles, ("_end_calls", "_end_attempts", "_keep_answers")),
        (Spool, ("append", "forget")),
    ):
        for name in names:
            assert callable(getattr(module, name))
            setattr(module, name, nothing)
    cli.main()


if __name__ == "__main__":
    main()
