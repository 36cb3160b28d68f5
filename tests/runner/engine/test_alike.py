"""Refusals that are the same for all rows stop a run, and fail none of its rows."""

import time
from dataclasses import replace

import pytest

from jobs.job import Failure, FailureClass
from jobs.outcome import GiveUp, TryAgain
from jobs.store.queue.choices import candidates
from runner.engine.alike import MAX_ALIKE_ROWS, AlikeRefusals, fingerprint
from runner.workspace.workspace import SHEET_ID
from tests.support.deciding import deciding, prompt_of
from tests.support.trap import GOOD, answer, chat, refusal
from tests.support.trap_server import Injected
from tests.support.working import a_job
from tests.support.world import TEXT, World

UNKNOWN = answer({"code": "ZX-17", "message": "Your flux is not aligned, order 4711"}, 403)
BAD_KEY = refusal(401, "Incorrect API key provided", "invalid_api_key", "invalid_request_error")


def rows(count: int) -> list[str]:
    return [f"prompt {number}" for number in range(count)]


# --- the decision ---------------------------------------------------------------------------------


def refused(words: str = "no", *, cause: str = "forbidden") -> GiveUp:
    failure = Failure(kind=FailureClass.REFUSED, cause=cause, detail=words, status=403)
    return GiveUp(failure=failure)


def test_ids_and_numbers_do_not_make_two_refusals_different() -> None:
    one, other = refused("request 4f3a-11 of 20: no"), refused("request 99bc-x2 of 3: no")
    job = a_job(1)
    assert fingerprint(one.failure, job) == fingerprint(other.failure, job)
    assert fingerprint(one.failure, job) != fingerprint(refused("something else").failure, job)


@pytest.mark.parametrize("size", [1, 20])
def test_a_refusal_that_quotes_its_row_is_alike_for_all_rows(size: int) -> None:
    rows = [" ".join([name] * size) for name in ("Red Fox", "a  lamp", "月亮 gate")]
    jobs = [replace(a_job(1), fields={"prompt": text}) for text in rows]
    said = (refused(f"not for you: {' '.join(text.split())}"[:90]) for text in rows)
    pairs = zip(said, jobs, strict=True)
    assert len({fingerprint(one.failure, job) for one, job in pairs}) == 1


def test_ten_rows_refused_alike_are_enough_and_one_good_answer_forgives_them() -> None:
    alike = AlikeRefusals()
    found = [alike.refused(a_job(number), refused()) for number in range(MAX_ALIKE_ROWS)]
    assert found[:-1] == [None] * (MAX_ALIKE_ROWS - 1)
    assert found[-1] is not None
    assert len(found[-1].jobs) == MAX_ALIKE_ROWS
    alike = AlikeRefusals()
    alike.good("m")
    assert not any(alike.refused(a_job(number), refused()) for number in range(30))


def test_one_row_refused_ten_times_is_one_row() -> None:
    alike = AlikeRefusals()
    assert not any(alike.refused(a_job(1), refused()) for _ in range(30))


def test_what_is_known_to_be_about_the_words_of_a_row_is_not_counted() -> None:
    alike = AlikeRefusals()
    outcome = refused(cause="moderation")
    assert not any(alike.refused(a_job(number), outcome) for number in range(30))


def test_a_refused_key_needs_fewer_rows_and_counts_repeats_too() -> None:
    failure = Failure(kind=FailureClass.KEY, cause="key_refused", detail="no", status=401)
    outcome = TryAgain(failure=failure, delay=1.0)
    alike = AlikeRefusals()
    assert any(alike.refused(a_job(number), outcome) for number in range(5))
    alike = AlikeRefusals()
    assert any(alike.refused(a_job(1), outcome) for _ in range(10))


def test_several_models_refused_alike_are_the_whole_sites_matter() -> None:
    alike = AlikeRefusals()
    jobs = [replace(a_job(number), model=f"m{number % 2}") for number in range(10)]
    found = [alike.refused(job, refused()) for job in jobs]
    assert found[-1] is not None
    assert found[-1].model is None


# --- at the wire ----------------------------------------------------------------------------------


@pytest.mark.parametrize("concurrency", [2, 8])
def test_a_refusal_in_unknown_words_stops_the_run_and_leaves_all_rows_pending(
    world: World, concurrency: int
) -> None:
    with deciding(world, lambda asked: UNKNOWN) as server:
        sheet = world.prompts("a.csv", *rows(40))
        done = world.run("run", sheet, *TEXT, "-c", concurrency)
        assert done.code == 6, done.err
        assert len(server.asked) <= 16
        assert set(world.column(sheet)) == {"pending"}
        assert set(world.column(sheet, "result_error_class")) == {""}
        assert "flux is not aligned" in done.err


def test_a_firewalls_page_for_every_row_stops_the_run(world: World) -> None:
    page = "<html><title>Access denied</title><p>Error 1010</p></html>"
    with deciding(world, lambda asked: Injected(body=page.encode(), status=403, free=True)):
        sheet = world.prompts("a.csv", *rows(40))
        began = time.monotonic()
        done = world.run("run", sheet, *TEXT)
    assert done.code == 6, done.err
    assert time.monotonic() - began < 60
    assert set(world.column(sheet)) == {"pending"}


PROXY = "<html><head><title>413 Request Entity Too Large</title></head><h1>413</h1>nginx</html>"
NO_CHANNEL = {"message": "当前分组 default 下对于模型 m 无可用渠道 (request id: 2026113020)"}


@pytest.mark.parametrize(
    "refused",
    [
        Injected(body=PROXY.encode(), status=413, free=True),
        answer({"error": NO_CHANNEL}, 503),
    ],
    ids=["a proxy's page", "no channel"],
)
def test_ten_rows_are_enough_also_for_what_is_tried_again_or_said_of_a_row(
    world: World, refused: Injected
) -> None:
    with deciding(world, lambda asked: refused) as server:
        sheet = world.prompts("a.csv", *rows(40))
        done = world.run("run", sheet, *TEXT)
        assert done.code == 6, done.err
        assert len(server.asked) <= 16
        assert set(world.column(sheet)) == {"pending"}


def test_a_model_that_has_no_channel_for_a_moment_is_asked_again(world: World) -> None:
    refusals = [answer({"error": NO_CHANNEL}, 503)] * 6
    with deciding(world, lambda asked: refusals.pop() if refusals else GOOD):
        sheet = world.prompts("a.csv", *rows(12))
        done = world.run("run", sheet, *TEXT, "-c", 4)
        assert done.code == 0, done.err


def test_a_few_rows_refused_alike_fail_as_they_always_did(world: World) -> None:
    with deciding(world, lambda asked: UNKNOWN) as server:
        sheet = world.prompts("a.csv", *rows(3))
        done = world.run("run", sheet, *TEXT)
        assert (done.code, len(server.asked)) == (4, 3), done.err
        assert world.column(sheet) == ["failed"] * 3


def test_rows_refused_alike_beside_good_ones_fail_by_themselves(world: World) -> None:
    with deciding(world, lambda asked: GOOD if "1" in prompt_of(asked) else UNKNOWN):
        sheet = world.prompts("a.csv", "1", *rows(30))
        done = world.run("run", sheet, *TEXT, "-c", 1)
        assert done.code == 4, done.err
        assert "pending" not in world.column(sheet)


def test_one_model_refused_alike_stops_that_model_only(world: World) -> None:
    def decide(asked: object) -> Injected:
        return UNKNOWN if asked.json["model"] == "bad" else GOOD  # type: ignore[attr-defined]  # Asked

    with deciding(world, decide):
        cells = [[f"p {k}", "bad" if k % 2 else "good"] for k in range(60)]
        sheet = world.sheet("a.csv", ["prompt", "model"], *cells)
        done = world.run("run", sheet, "-e", "chat", "-y", "-c", 2)
        assert done.code == 6, done.err
        found = world.column(sheet)
        assert found[0::2] == ["done"] * 30
        assert found[1::2] == ["pending"] * 30


def test_rows_refused_alike_are_put_back_before_the_run_ends(world: World) -> None:
    busy = answer({"message": "Too many requests"}, 429, headers={"Retry-After": "90"})

    def decide(asked: object) -> Injected:
        return UNKNOWN if asked.json["model"] == "bad" else busy  # type: ignore[attr-defined]  # Asked

    with deciding(world, decide) as server:
        bad = [[f"p {k}", "bad"] for k in range(20)]
        sheet = world.sheet("a.csv", ["prompt", "model"], *bad, ["waits", "good"])
        process = world.start("run", sheet, "-e", "chat", "-y", "-c", 1)
        world.wait(process, lambda: len(server.asked) > 10)
        time.sleep(0.5)  # its answer is written down
        process.kill()
        world.finish(process)
        assert world.standing(sheet) == {"pending": 21}, "a killed run has no failed rows either"


def test_rows_of_a_retry_that_are_refused_alike_still_belong_to_it(world: World) -> None:
    letters = "abcdefghijkl"
    first = {f"prompt {one}": answer({"message": f"flux {one * 3} is out"}, 403) for one in letters}
    refusals = [first]
    with deciding(world, lambda asked: refusals[0].get(prompt_of(asked), UNKNOWN)):
        sheet = world.prompts("a.csv", *first)
        world.run("run", sheet, *TEXT)
        assert world.column(sheet) == ["failed"] * 12
        refusals[0] = {}
        kind = world.column(sheet, "result_error_class")[0]
        done = world.run("retry", sheet, "--class", kind, "-y")
        assert done.code == 6, done.err
        assert world.column(sheet) == ["pending"] * 12
        with world.store(sheet) as store, store.read() as tx:
            assert len(list(candidates(tx, SHEET_ID, requeued=True))) == 12


# --- keys -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("models", [500, 302, 200, 404])
def test_a_refused_key_stops_the_run_whatever_the_list_of_models_says(
    world: World, models: int
) -> None:
    listing = Injected(status=models, body=b'{"data": []}', headers={"Location": "/x"})
    with deciding(world, lambda asked: BAD_KEY, models=listing) as server:
        sheet = world.prompts("a.csv", *rows(40))
        done = world.run("run", sheet, *TEXT)
        assert done.code == 6, done.err
        assert len(server.asked) <= 16
        assert set(world.column(sheet)) == {"pending"}


def test_one_row_with_a_refused_key_does_not_storm_the_gateway(world: World) -> None:
    with deciding(world, lambda asked: BAD_KEY, models=Injected(status=500)) as server:
        sheet = world.prompts("a.csv", "one")
        world.settings('[limits]\nmax_wait = "3s"\n')
        done = world.run("run", sheet, *TEXT)
        assert done.code == 6, done.err
        assert len(server.asked) <= 4
        assert world.column(sheet) == ["pending"]


# --- what counts against a model ------------------------------------------------------------------


def test_texts_cut_by_their_rows_own_limit_stop_no_model(world: World) -> None:
    with deciding(world, lambda asked: chat("half a", finish="length")) as server:
        sheet = world.prompts("a.csv", *rows(30))
        done = world.run("run", sheet, *TEXT, "--set", "max_tokens=2")
        assert done.code == 4, done.err
        assert len(server.asked) == 30
        assert set(world.column(sheet, "result_error_class")) == {"truncated"}
