"""The same pictures from a shell: python -m diffusion_lib figure forward --image cat.jpg --out forward.png

A command is a function that adds its parser and names what it runs; COMMANDS lists them.
"""

from __future__ import annotations

import signal
import sys
import traceback
import warnings
from importlib.metadata import version

from . import files
from .cli.figure import add_figure
from .cli.options import Parser, complain, sentence, tell
from .cli.sample import add_sample
from .cli.train import SIGNALS, add_train

COMMANDS = [add_figure, add_train, add_sample]


def main(argv: list[str] | None = None) -> int:
    """Run a command; returns 0, or 2 after one sentence on stderr that says what was wrong, or 130 after Ctrl+C.

    `train` has two more answers, see its help. A fault that nobody foresaw is one sentence too; the environment variable
    DIFFUSION_LIB_TRACEBACK=1 shows where it happened. A warning is one line too, and under `python -W error` a refusal.
    """
    parser = Parser(prog="python -m diffusion_lib", description="Draw how machines draw pictures.")
    parser.add_argument("--version", action="store_true", help="print the version")
    parser.set_defaults(
        run=lambda a: tell(f"diffusion_lib {version('diffusion_lib')}") if a.version else parser.print_help()
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for add in COMMANDS:
        add(commands)
    loud = 0
    try:
        loud = files.asked("DIFFUSION_LIB_TRACEBACK")
        args = parser.parse_args(argv)
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: complain(message)
            return args.run(args) or 0
    except KeyboardInterrupt:
        complain("Stopped.")
        return 130
    except Exception as error:
        if loud:
            traceback.print_exc()
        complain(sentence(error))
        return 2


def _asked_to_end(number, _) -> None:
    """A signal that would kill: `finally` still tidies up, and what is being written stays as it was."""
    sys.exit(128 + number)


def _program() -> int:
    deadly = [which for which in SIGNALS if which != signal.SIGINT]  # Ctrl+C is an exception already
    for which in [s for s in deadly if signal.getsignal(s) is signal.SIG_DFL]:
        signal.signal(which, _asked_to_end)
    try:
        return main()
    finally:
        for which in deadly:  # nothing is left to keep, and the exit code is said
            signal.signal(which, signal.SIG_IGN)


if __name__ == "__main__":
    sys.exit(_program())
