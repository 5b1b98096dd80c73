"""Ends processes in seconds when they are told to stop, and with their parents."""

import gc
import os
import signal
import sys
import threading
from types import FrameType

# A process that was told to end and has not by then is ended by force.
SECONDS_TO_END = 8.0
# What asks a process to end: `kill`, a container's scheduler, a terminal that closes.
ASKS_TO_END = ("SIGTERM", "SIGHUP")
NOT_HANDLED = (signal.SIG_DFL, signal.default_int_handler)
ASKING = threading.Lock()


class StoppedError(Exception):
    """Work ends before it is done, because its process was told to end."""


def stop_as_by_ctrl_c(*others: str) -> None:
    """Let the signals that ask this process to end stop it as Ctrl-C does.

    By default they end it at once: no file is removed and no query is cancelled.
    `others` are more signals to treat so. Does nothing outside the main thread, where
    Python takes no handlers, and leaves alone what something else handles, or ignores
    as nohup does.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for name in (*ASKS_TO_END, *others):
        # Windows has no SIGHUP.
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) in NOT_HANDLED:
            signal.signal(number, _stop)


def _stop(number: int, _: FrameType | None) -> None:
    end = threading.Timer(SECONDS_TO_END, os._exit, [128 + number])
    end.daemon = True
    end.start()
    # Where the process was when it was stopped helps nobody, and dbt would print it.
    sys.tracebacklimit = 0
    # After Ctrl-C the process is ending already, and may not be disturbed in that.
    if not is_stopping():
        raise KeyboardInterrupt(f"Stopped by {signal.Signals(number).name}.")


def is_stopping() -> bool:
    """Whether the main thread is ending the process, such as after Ctrl-C.

    Work in other threads must ask: Python tells the main thread alone, and dbt's main
    thread then waits for the others.
    """
    ident = threading.main_thread().ident
    # Early versions of Python 3.11 and 3.12 wait for ever if they collect garbage
    # meanwhile (python/cpython#106883).
    with ASKING:
        collects = gc.isenabled()
        gc.disable()
        try:
            exceptions = sys._current_exceptions()
        finally:
            if collects:
                gc.enable()
    active = exceptions.get(ident) if ident is not None else None
    # Python 3.11 gives what sys.exc_info() does.
    error = active[1] if isinstance(active, tuple) else active
    return isinstance(error, KeyboardInterrupt | SystemExit)


def raise_if_stopping() -> None:
    """Raise StoppedError if the process is ending."""
    if is_stopping():
        raise StoppedError("Stopped: this process was told to end.")
