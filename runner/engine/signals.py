"""Signals during a run: the first Ctrl-C drains, the second gives up, the third ends it all."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator

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

    def interrupted(self, number: int) -> None:
        """One more signal came."""
        self._count += 1
        terminated = number == signal.SIGTERM
        if self._count >= 3:
            os._exit(130)
        if self._count == 2:
            self._control.cut()
        self._control.halt(
            Stop(reason=StopReason.TERMINATED if terminated else StopReason.INTERRUPTED)
        )
        if terminated:
            self._timers.append(self._loop.call_later(TERM_SECONDS, self._control.cut))
        self._tell(self._control.interrupt_words(self._count))

    def close(self) -> None:
        """Forget what was to follow."""
        for timer in self._timers:
            timer.cancel()


@contextlib.contextmanager
def stop_on_signals(control: RunControl, tell: Callable[[str], None]) -> Iterator[None]:
    """Stop the run on a signal while the context lasts; `tell` shows what is waited for."""
    loop = asyncio.get_running_loop()
    interrupts = Interrupts(control, tell, loop)
    before: list[tuple[signal.Signals, Callable[..., object] | int | None]] = []
    for number in stopping_signals():
        try:
            loop.add_signal_handler(number, interrupts.interrupted, number)
        except NotImplementedError:  # Windows: no handlers in the loop
            before.append((number, signal.getsignal(number)))
            signal.signal(
                number,
                lambda number, _frame: loop.call_soon_threadsafe(interrupts.interrupted, number),
            )
    try:
        yield
    finally:
        interrupts.close()
        for number in stopping_signals():
            with contextlib.suppress(NotImplementedError):
                loop.remove_signal_handler(number)
        for number, old in before:
            signal.signal(number, old)


def stopping_signals() -> tuple[signal.Signals, ...]:
    """Ctrl-C, SIGTERM, and a closed window unless `nohup` asked to outlive that."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    return tuple(numbers)
