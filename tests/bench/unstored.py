"""`rowmill` without storing calls and answers, for comparison in `durability`.

The table still hands out rows and remembers which are done. A death would lose everything: this is
for measuring only, so it is here and not an option of the product.
"""

from jobs.store.queue import claims, settles
from runner import cli
from runner.workspace.spool import Spool


def nothing(*_given: object, **_named: object) -> None:
    """Do nothing instead of storing."""


def main() -> None:
    """Run the command without its storing functions."""
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
