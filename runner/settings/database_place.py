"""Makes the place of a table from a database's address and what this machine knows of it."""

from collections.abc import Mapping

from jobs.place import DatabasePlace, names_in
from runner.catalogue import say
from runner.exits import Refusal
from runner.settings.database_url import DatabaseUrl
from runner.settings.keys import database_password


def database_place(
    url: DatabaseUrl, environ: Mapping[str, str], *, origin: str = "{}"
) -> DatabasePlace:
    """The place of a named workspace, with the password that this machine has for it."""
    assert url.name is not None
    password = database_password(url, environ)
    return DatabasePlace(
        url=url.connection(environ),
        name=url.name,
        password=password.reveal() if password is not None else None,
        origin=origin,
    )


def named_in(url: DatabaseUrl, environ: Mapping[str, str]) -> DatabaseUrl:
    """The address with the name of a workspace that is there: the named one, or the only one.

    Raises Refusal, with the names that are there, if it is missing or there are several.
    """
    password = database_password(url, environ)
    names = names_in(url.connection(environ), password.reveal() if password is not None else None)
    if url.name in names:
        return url
    if not names:
        raise Refusal(say("db.no_workspace", url=f'"{url.server}"'))
    told = ", ".join(names)
    if url.name is not None:
        raise Refusal(say("db.not_there", name=url.name, url=url.server, names=told))
    if len(names) > 1:
        example = str(url.named(names[0]))
        raise Refusal(say("db.several", url=url.server, names=told, example=f'"{example}"'))
    return url.named(names[0])
