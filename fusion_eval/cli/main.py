"""The command `fusion-eval`: reads the command line, runs one command, and turns errors into exit codes."""

from __future__ import annotations

import atexit
import contextlib
import errno
import os
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from types import FrameType

from fusion_eval.cli.parser import build_parser, with_underscores
from fusion_eval.cli.streams import discard, prepare_streams
from fusion_eval.errors import FusionEvalError
from fusion_eval.text.printable import terminal_line, terminal_text

USER_ERROR = 2
INTERNAL_ERROR = 70
INTERRUPTED = 130
_interrupted = threading.Event()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` name.

    Args:
        arguments: Words after the program's name; None reads `sys.argv`.

    Returns:
        The exit code: 0 done, 2 the user's input, 70 a bug in fusion_eval, 130 interrupted. `check` adds 1
        (regression) and 3 (too few items to tell), `verify` adds 1 (numbers differ).
    """
    if arguments is None:  # the process is ours
        prepare_streams()
        atexit.register(_leave_if_interrupted)  # registered first, so it runs after the libraries' own
    words = with_underscores(sys.argv[1:] if arguments is None else arguments)
    options, unknown = build_parser().parse_known_args(words)
    if unknown:
        options.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    options.command_line = ("fusion-eval", *words)
    if arguments is None and threading.current_thread() is threading.main_thread():
        _take_sigterm_as_interrupt()
    try:
        code = int(options.run(options))
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader of our output has closed it, as `head` does
        discard(sys.stdout)
        return 0
    except OSError as error:
        return _exit_code_of_os_error(error)
    except FusionEvalError as error:
        _print_error(str(error))
        return USER_ERROR
    except Exception:
        return _internal_error()
    except KeyboardInterrupt:
        if arguments is None:  # a second Ctrl-C ends the process without waiting
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            _interrupted.set()
        _print_error("interrupted. Finished calls are kept; run the same command again to continue", "\n")
        return INTERRUPTED


def _take_sigterm_as_interrupt() -> None:
    """Let SIGTERM, which ends jobs of CI and of clusters, end the process as Ctrl-C does.

    Where Ctrl-C is ignored, as in the background of a shell script, SIGTERM keeps its default. It ends the process at once.
    """
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGTERM, _interrupt_once)


def _interrupt_once(number: int, frame: FrameType | None) -> None:
    # `timeout` sends SIGTERM twice, and a second interrupt can break off the end of the first.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.raise_signal(signal.SIGINT)  # on this signal alone asyncio cancels its work and waits for it


def _leave_if_interrupted() -> None:
    """End an interrupted process at once. llama.cpp would first finish its step, which can take a quarter of a minute."""
    if _interrupted.is_set():
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):  # nobody reads it, or it is closed
                stream.flush()
        os._exit(INTERRUPTED)


def _exit_code_of_os_error(error: OSError) -> int:
    if error.errno == errno.ENAMETOOLONG:
        _print_error(f"{error.filename} is too long for a file name")
        return USER_ERROR
    output_failed = error.filename is None and error.errno in (errno.ENOSPC, errno.EIO)
    if not output_failed:
        return _internal_error()
    discard(sys.stdout)
    _print_error(f"the output cannot be written: {error.strerror}")
    return USER_ERROR


def _internal_error() -> int:
    # Python's own exit code 1 would read as a regression that `check` found.
    print(terminal_text(traceback.format_exc()), file=sys.stderr)
    return INTERNAL_ERROR


def _print_error(sentence: str, before: str = "") -> None:
    print(f"{before}fusion-eval: {terminal_line(sentence)}", file=sys.stderr)
