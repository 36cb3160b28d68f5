"""The address of a shared table is read as libpq reads it, and never shows its password."""

from pathlib import Path

import pytest

from runner.settings.database_url import (
    DatabaseUrl,
    DatabaseUrlError,
    is_database_url,
    read_database_url,
    weak_tls,
)

CANARY = "canary-4b7f1e9c"


def connection(text: str, **environ: str) -> str:
    return read_database_url(text).connection(environ)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://team@db/jobs#主图.xlsx",
        "postgresql://team@db:5433/jobs?sslmode=require",
        "postgresql:///jobs?service=team",
        "postgresql://[::1]:5433/jobs#a b.csv",
        "postgresql://one:5432,two:5433/jobs?target_session_attrs=read-write",
        "postgresql://%2Frun%2Fpostgresql/jobs#50%25.csv",
        "postgresql://team@/jobs?host=/tmp/pg",
    ],
)
def test_an_address_is_shown_as_it_was_typed(text: str) -> None:
    assert str(read_database_url(text)) == text


@pytest.mark.parametrize("form", ["team:{}@db/jobs", "team@db/jobs?password={}"])
def test_a_password_is_kept_apart_and_never_shown(form: str) -> None:
    url = read_database_url(f"postgresql://{form.format(CANARY)}#a.csv")
    assert url.password is not None
    assert url.password.reveal() == CANARY
    shown = (str(url), repr(url), url.server, url.key_place, url.connection({}))
    assert not any(CANARY in text for text in shown)
    assert str(url) == "postgresql://team@db/jobs#a.csv"
    assert url.without_password().password is None


def test_a_password_with_escapes_is_the_one_that_libpq_would_send() -> None:
    url = read_database_url("postgresql://te%40m:p%2Fw%23@db/jobs")
    assert url.user == "te@m"
    assert url.password is not None
    assert url.password.reveal() == "p/w#"


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:///jobs.db",
        "mysql://db/jobs",
        "postgresql+psycopg://db/jobs",
        "postgresql://team:p/w@db/jobs",
        "postgresql://team:pw#x@db/jobs",
        "postgresql://db:port/jobs",
        "postgresql://db/jobs/more",
        "postgresql://db/jobs?sslpassword=x",
        "postgresql://db/jobs?nothing",
        "postgresql://db/jobs\n",
        "postgresql://d\tb/jobs",
    ],
)
def test_what_is_no_address_is_refused_without_saying_what_was_found(text: str) -> None:
    if text.endswith("\n"):
        assert read_database_url(text).database == "jobs"  # a line of a file
        return
    with pytest.raises(DatabaseUrlError) as refused:
        read_database_url(text)
    assert str(refused.value) in ("scheme", "form")
    assert is_database_url(text) == text.startswith(("postgres", "sqlite:"))


def test_a_stored_password_belongs_to_user_server_and_database() -> None:
    same = (
        "postgresql://team@DB:5432/jobs?sslmode=require#a.csv",
        "postgres://team@db/jobs",
    )
    assert {read_database_url(one).key_place for one in same} == {"postgresql://team@db/jobs"}
    for other in ("postgresql://other@db/jobs", "postgresql://team@db:5433/jobs"):
        assert read_database_url(other).key_place == other


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("postgresql://team@db/jobs", "?sslmode=verify-full&sslrootcert=system"),
        ("postgresql://team@10.0.0.7/jobs", "?sslmode=verify-full&sslrootcert=system"),
        ("postgresql://localhost,db/jobs", "?sslmode=verify-full&sslrootcert=system"),
        (
            "postgresql://db/jobs?sslmode=verify-full&sslrootcert=/a/b.crt",
            "?sslmode=verify-full&sslrootcert=/a/b.crt",
        ),
        ("postgresql://db/jobs?sslmode=require", "?sslmode=require"),
        ("postgresql://localhost:5433/jobs", ""),
        ("postgresql://127.0.0.1/jobs", ""),
        ("postgresql://[::1]/jobs", ""),
        ("postgresql:///jobs", ""),
        ("postgresql://%2Ftmp%2Fpg/jobs", ""),
        ("postgresql:///jobs?prepare=no", "?prepare=no"),
    ],
)
def test_a_server_elsewhere_must_show_a_certificate(text: str, query: str) -> None:
    found = connection(text).partition("?")[2]
    assert set(found.split("&")) == set(query.removeprefix("?").split("&"))


def test_libpqs_own_settings_count_before_ours() -> None:
    assert connection("postgresql:///jobs", PGHOST="db").endswith("verify-full&sslrootcert=system")
    assert connection("postgresql://db/jobs", PGSSLMODE="require").endswith("?sslmode=require")
    own = connection("postgresql://db/jobs", PGSSLROOTCERT="/a.crt")
    assert own.endswith("/jobs?sslmode=verify-full")


def test_a_service_file_is_read_for_its_host_and_mode(home: Path) -> None:
    services = home / "services"
    services.write_text("[here]\nhost=/tmp\n[lax]\nhost=db\nsslmode=require\n[far]\nhost=db\n")
    found = {"PGSERVICEFILE": str(services)}
    modes = {
        name: connection(f"postgresql:///?service={name}", **found)
        for name in ("here", "lax", "far")
    }
    assert modes == {
        "here": "postgresql:///?sslmode=prefer&service=here",
        "lax": "postgresql:///?sslmode=require&service=lax",
        "far": "postgresql:///?sslmode=verify-full&sslrootcert=system&service=far",
    }
    assert weak_tls(read_database_url("postgresql:///?service=lax"), found) == "require"


def test_certificates_of_the_users_own_folder_are_left_to_libpq(home: Path) -> None:
    (home / ".postgresql").mkdir()
    (home / ".postgresql" / "root.crt").touch()
    assert connection("postgresql://db/jobs").endswith("?sslmode=verify-full")


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("postgresql://db/jobs?sslmode=require", "require"),
        ("postgresql://db/jobs?sslmode=disable", "disable"),
        ("postgresql://db/jobs", None),
        ("postgresql://db/jobs?sslmode=verify-full", None),
        ("postgresql://localhost/jobs?sslmode=disable", None),
    ],
)
def test_a_weaker_mode_for_a_server_elsewhere_is_known(text: str, mode: str | None) -> None:
    assert weak_tls(read_database_url(text), {}) == mode


def test_a_sheets_name_of_any_kind_survives_the_way_through_text() -> None:
    for name in ("主图.xlsx", "100%.csv", "50%41.csv", "a#b?c&d.csv", "a@b.csv"):
        url = DatabaseUrl(hosts="db", database="jobs").named(name)
        assert read_database_url(str(url)).name == name
