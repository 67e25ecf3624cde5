"""A process that has loaded torch once, and forks itself where a test would start a Python that loads it again.

    python -P tests/warm.py PLACE                        # conftest's; loads when it is first asked, ends with its stdin
    python -IS tests/warm.py PLACE MODULE [WORD ...]     # in place of `python -m MODULE WORD ...`: a kernel, a shell
    python -P tests/warm.py - MODULE [WORD ...]          # `python -m MODULE WORD ...` itself, on a leash: JupyterLab

None outlives whoever started it, not even one that is killed (`leash`). The second stands for its fork, which has its folder, environment, input and output, gets its signals, does not outlive
it, and gives it its exit status. Loaded beforehand is only what others wrote, and nothing that asks when it is loaded
whether it is in a notebook: a fork reads every line of ours anew.
"""

import json
import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

PLACE = "DIFFUSION_LIB_TEST_WARM"  # names the socket; not set where a Python starts as ever
LIBRARIES = "numpy torch torch._dynamo matplotlib.figure matplotlib.backends.backend_agg sklearn.datasets scipy.special ipykernel.kernelapp"
INLINE = "module://matplotlib_inline.backend_inline"


def python(module: str) -> list[str]:
    """The command that runs a module: by a fork, if there is a warm process."""
    place = os.environ.get(PLACE)
    return [sys.executable, "-IS", __file__, place, module] if place else [sys.executable, "-m", module]


def leashed(module: str) -> list[str]:
    """The command that runs a module in a Python of its own, which ends with whoever starts it."""
    return [sys.executable, "-P", __file__, "-", module] if sys.platform == "linux" else [sys.executable, "-m", module]


def leash() -> None:
    """Linux kills this process as soon as the thread that started it is gone, however that ended."""
    import ctypes

    death = 1  # PR_SET_PDEATHSIG
    ctypes.CDLL(None).prctl(death, signal.SIGKILL)


def kernelspec(folder: Path) -> None:
    """A folder for JUPYTER_PATH, in which the kernel of every notebook is a fork."""
    spec = {"argv": [*python("ipykernel_launcher"), "-f", "{connection_file}"], "display_name": "Python 3"}
    folder = folder / "kernels" / "python3"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps(spec | {"language": "python", "metadata": {"debugger": True}}))


def called(place: str) -> socket.socket:
    server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    server.connect(place)
    return server


def wake() -> None:
    """A kernel will be asked for soon: load while JupyterLab starts."""
    if place := os.environ.get(PLACE):
        called(place).close()


def ask(place: str, *words: str) -> int:
    """Be the fork that runs these words, as far as whoever started us can see."""
    leash()
    server = called(place)
    heeds = [s for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if signal.getsignal(s) != signal.SIG_IGN]
    socket.send_fds(server, [json.dumps([os.getcwd(), dict(os.environ), words, heeds]).encode()], [0, 1, 2])
    for s in heeds:
        signal.signal(s, lambda number, _: server.send(bytes([number])))
    code = int(server.recv(9) or 1)
    if code < 0:  # ended by a signal
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


def serve(place: str) -> None:
    """Answer whoever asks; returns in a fork, which then is what was asked for."""
    import gc
    import importlib
    from select import select

    door, forks = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET), {}  # pid: (readable when it ended, its client)
    door.bind(place)
    door.listen()
    while True:
        heard, _, _ = select([0, door, *(end for both in forks.values() for end in both)], [], [])
        if 0 in heard:
            sys.exit()
        for pid, (end, client) in list(forks.items()):
            if end in heard:
                code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                with suppress(OSError):
                    client.send(b"%d" % code)
                os.close(end)
                client.close()
                del forks[pid]
            elif client in heard:  # a signal, or nothing: it is gone
                os.kill(pid, (client.recv(1) or bytes([signal.SIGKILL]))[0])
        if door in heard:
            client, _ = door.accept()
            said, inout, *_ = socket.recv_fds(client, 1 << 20, 3)
            libraries = [importlib.import_module(name) for name in LIBRARIES.split()]
            gc.freeze()  # a fork neither looks through what was loaded nor copies it
            if not said:
                client.close()
                continue
            if not (pid := os.fork()):
                leash()
                os.setsid()
                folder, environ, sys.argv, heeds = json.loads(said)
                for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                    default = signal.default_int_handler if s == signal.SIGINT else signal.SIG_DFL
                    signal.signal(s, default if s in heeds else signal.SIG_IGN)
                for i, fd in enumerate(inout):
                    os.dup2(fd, i)
                for fd in (door, client, *(end for both in forks.values() for end in both), *inout):
                    os.close(fd if isinstance(fd, int) else fd.detach())
                os.chdir(folder)
                os.environ.clear()
                os.environ.update(environ)
                libraries[0].random.seed()
                if sys.argv[0] == "ipykernel_launcher":  # which says so in the environment before matplotlib is loaded
                    sys.modules["matplotlib"].rcParams["backend"] = INLINE
                sys.path.insert(0, folder)
                return
            forks[pid] = os.pidfd_open(pid), client
            for fd in inout:
                os.close(fd)


def run(module: str) -> None:
    """Be `python -m module`, to its end: all that is done there, but for taking down each thing that was loaded (a second)."""
    import atexit
    import runpy
    import threading

    code = 0
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if isinstance(end.code, str):
            raise
        code = end.code or 0
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    if sys.argv[1] == "-":
        leash()
        sys.argv = sys.argv[2:]
    elif len(sys.argv) > 2:
        sys.exit(ask(*sys.argv[1:]))
    else:
        serve(sys.argv[1])
    run(sys.argv[0])
