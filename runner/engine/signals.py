"""Signals during a run: the first Ctrl-C drains, the second gives up, the third ends it all."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType

from runner.engine.run_control import RunControl
from runner.engine.stop import Stop, StopReason

TERM_SECONDS = 25.0  # for calls in flight to end after SIGTERM; its sender kills after about 30


class Interrupts:
    """Counts the signals of one run, and acts on each."""

    def __init__(
        self,
        control: RunControl,
        tell: Callable[[str], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._control = control
        self._tell = tell
        self._loop = loop
        self._count = 0
        self._timers: list[asyncio.TimerHandle] = []

    def received(self, number: int, _frame: FrameType | None) -> None:
        """One more signal came: called by Python itself, whatever the loop is doing.

        The third ends the process here and now, also where the loop stands still.
        """
        self._count += 1
        if self._count >= 3:
            os._exit(130)
        with contextlib.suppress(RuntimeError):  # the loop is closed: the run is over
            self._loop.call_soon_threadsafe(self._interrupted, number, self._count)

    def _interrupted(self, number: int, count: int) -> None:
        terminated = number == signal.SIGTERM
        if count == 2:
            self._control.cut()
        self._control.halt(
            Stop(reason=StopReason.TERMINATED if terminated else StopReason.INTERRUPTED)
        )
        if terminated:
            self._timers.append(self._loop.call_later(TERM_SECONDS, self._control.cut))
        self._tell(self._control.interrupt_words(count))

    def close(self) -> None:
        """Forget what was to follow."""
        for timer in self._timers:
            timer.cancel()


@contextlib.contextmanager
def stop_on_signals(control: RunControl, tell: Callable[[str], None]) -> Iterator[None]:
    """Stop the run on a signal while the context lasts; `tell` shows what is waited for."""
    interrupts = Interrupts(control, tell, asyncio.get_running_loop())
    before = {number: signal.getsignal(number) for number in stopping_signals()}
    for number in before:
        signal.signal(number, interrupts.received)
    try:
        yield
    finally:
        interrupts.close()
        for number, handler in before.items():
            signal.signal(number, handler)


def stopping_signals() -> tuple[signal.Signals, ...]:
    """Ctrl-C, SIGTERM, and a closed window unless `nohup` asked to outlive that."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    return tuple(numbers)
