"""The invariants of a table hold after random histories."""

from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import select

from jobs.claimed import Claimed, Holding
from jobs.job import FailureClass, State, Step
from jobs.outcome import TRANSITIONS, Held, Outcome, Released
from jobs.store import Store
from jobs.store.ids import Ids
from jobs.store.queue.choices import RowChoice, again, one_more_pass, retry, retry_named, skip
from jobs.store.queue.claims import ClaimRequest, adopt, claim
from jobs.store.queue.settles import settle
from jobs.store.schema import attempts
from tests.support.loading import asking, load
from tests.support.working import FAILURE, OUTCOMES, call_rows, job_rows, settlement

ROWS = 4
CHOICES = st.sampled_from(
    [
        RowChoice(),
        RowChoice(positions=[(2, 3)]),
        RowChoice(classes={FailureClass.SERVER}, in_doubt=True),
    ]
)


def _possible(job: Claimed) -> list[Outcome]:
    return [outcome for outcome in OUTCOMES if (job.step, type(outcome)) in TRANSITIONS]


class Histories(RuleBasedStateMachine):
    """Workers claim and settle, processes die, a person interferes, time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.store = Store.scratch()
        self.now = 1000.0
        self.ids = Ids()
        self.run = 1
        self.held: dict[int, Claimed] = {}  # claims of the live process
        self.recovering = False  # taken over, and not settled yet
        self.late: list[tuple[Holding, Claimed]] = []  # claims of dead processes
        self.done: set[tuple[int, int]] = set()
        load(self.store, asking(*(f"w{number}" for number in range(ROWS))))

    def teardown(self) -> None:
        self.store.close()

    @property
    def me(self) -> Holding:
        return Holding(sheet_id=1, run_id=self.run, owner=f"owner-{self.run}")

    def write(self, work: Any, *args: Any, **named: Any) -> Any:
        with self.store.write() as tx:
            return work(tx, *args, **named)

    @precondition(lambda self: not self.recovering)
    @rule(limit=st.integers(1, ROWS))
    def take(self, limit: int) -> None:
        """A worker of each pool claims jobs, some time after the last claim."""
        self.now += 30.0
        for step in Step:
            order = ClaimRequest(step=step, limit=limit)
            for job in self.write(claim, self.me, order, ids=self.ids, now=self.now):
                assert job.id not in self.held
                assert (job.id, job.version) not in self.done
                self.held[job.id] = job

    @precondition(lambda self: not self.recovering)
    @rule(limit=st.integers(1, ROWS), data=st.data())
    def work(self, limit: int, data: st.DataObject) -> None:
        """Claim jobs and give every held job some outcome."""
        self.take(limit)
        for job in list(self.held.values()):
            outcome = data.draw(st.sampled_from(_possible(job)))
            assert self.write(settle, self.me, [settlement(job, outcome)], now=self.now) == []
            del self.held[job.id]
            if TRANSITIONS[job.step, type(outcome)][0] is State.DONE:
                self.done.add((job.id, job.version))

    @rule(limit=st.integers(1, ROWS))
    def die(self, limit: int) -> None:
        """The process dies; the next one blames the only held job, if it was active."""
        if not self.recovering:
            self.take(limit)
        self.late += [(self.me, job) for job in self.held.values()]
        self.run += 1
        adopted: list[Claimed] = self.write(adopt, self.me)
        assert {job.id for job in adopted} == set(self.held)
        in_hand = [job for job in adopted if job.step is not Step.SEND]
        for job in adopted:
            assert job.call_id == self.held[job.id].call_id
            died = in_hand == [job] and not self.recovering
            assert job.deaths >= self.held[job.id].deaths + died
        self.held = {job.id: job for job in adopted}
        self.recovering = True

    @precondition(lambda self: self.recovering)
    @rule(hold=st.booleans())
    def recover(self, hold: bool) -> None:
        for job in self.held.values():
            outcome: Outcome = Released(delay=0.0)
            if hold and job.step is Step.SEND:
                outcome = Held(failure=FAILURE)
            assert self.write(settle, self.me, [settlement(job, outcome)], now=self.now) == []
        self.held, self.recovering = {}, False

    @precondition(lambda self: self.late)
    @rule(data=st.data())
    def a_ghost_settles(self, data: st.DataObject) -> None:
        holding, job = data.draw(st.sampled_from(self.late))
        outcome = data.draw(st.sampled_from(_possible(job)))
        before = job_rows(self.store)
        self.write(settle, holding, [settlement(job, outcome)], now=self.now)
        assert job_rows(self.store) == before

    @rule(choice=CHOICES)
    def a_person_retries(self, choice: RowChoice) -> None:
        self.write(retry, 1, choice, now=self.now)

    @rule(choice=CHOICES)
    def a_person_names_rows(self, choice: RowChoice) -> None:
        self.write(retry_named, 1, choice, now=self.now)

    @rule(choice=CHOICES)
    def a_person_skips(self, choice: RowChoice) -> None:
        self.write(skip, 1, choice, now=self.now)

    @rule(choice=CHOICES)
    def a_person_buys_again(self, choice: RowChoice) -> None:
        versions = {job.id: job.version for job in job_rows(self.store)}
        self.write(again, 1, choice, now=self.now)
        for job in job_rows(self.store):
            assert job.version == versions[job.id] or job.state == State.READY

    @rule()
    def one_more_pass_begins(self) -> None:
        self.write(one_more_pass, self.me, now=self.now)

    @rule(seconds=st.sampled_from([1.0, 20.0, 4000.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def a_running_job_is_in_exactly_one_hand(self) -> None:
        running = {job.id: job for job in job_rows(self.store) if job.state == State.RUNNING}
        assert set(running) == set(self.held)
        for job in running.values():
            assert (job.owner, job.epoch) == (self.me.owner, self.held[job.id].epoch)
        owned = [job for job in job_rows(self.store) if job.owner is not None]
        assert {job.id for job in owned} == set(running)

    @invariant()
    def every_open_call_belongs_to_a_running_send(self) -> None:
        opened = {call.id for call in call_rows(self.store) if call.wire is None}
        with self.store.read() as tx:
            pairs = tx.execute(select(attempts.c.call_id, attempts.c.job_id)).all()
        of = {pair.call_id: pair.job_id for pair in pairs}
        assert len(pairs) == len(of)
        assert {of[call_id] for call_id in opened} <= set(self.held)
        assert all(self.held[of[call_id]].step is Step.SEND for call_id in opened)

    @invariant()
    def a_done_version_is_never_sent_again(self) -> None:
        for job in job_rows(self.store):
            if (job.id, job.version) in self.done:
                assert job.state in (State.DONE, State.SKIPPED)


Histories.TestCase.settings = settings(
    max_examples=50,
    stateful_step_count=30,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking takes minutes
)
TestHistories = Histories.TestCase
