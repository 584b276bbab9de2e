"""A process that scores series with one detector, so that imports are paid once and a run can be cut off.

    python judge.py MODULE.TABLE NAME      reads the paths of arrays, a line each, and answers in JSON

``MODULE.TABLE`` is a mapping of names to detectors, such as ``peers.PEERS``. Before the first answer
the detector runs once on noise: what compiles or loads late is not what is measured.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Answer", "Judge", "cores", "is_wanted", "words_of"]

HERE = Path(__file__).parent
PYTHONS = dict.fromkeys(("peers", "counterparts"), HERE.parent / ".venv-bench" / "bin" / "python")
"""The interpreters of modules that do not run in ours."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Answer:
    """What came back for one series."""

    score: Floats | None
    seconds: float = 0.0
    """Processor time of the call, which other work on the machine hardly touches."""
    wall: float = 0.0
    peak_mb: float = 0.0
    """The most memory the process ever held, in megabytes."""
    error: str = ""


class Judge:
    """The parent's end. Use it as a context; one series may take ``limit`` seconds of processor time."""

    def __init__(self, table: str, name: str, *, core: int | None = None, limit: float = 60.0) -> None:
        self.table, self.name, self.core, self.limit = table, name, core, limit
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Judge:
        self._folder = TemporaryDirectory(prefix="oddline-bench-")
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        self._folder.cleanup()

    def score(self, values: Floats) -> Answer:
        """Have one series (n, d) scored."""
        path = Path(self._folder.name) / "values.npy"
        np.save(path, values)
        if self._process is None:
            self._process = self._start()
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        stuck = Timer(20 * self.limit, process.kill)  # not for slow ones: the child watches its own time
        stuck.start()
        try:
            process.stdin.write(f"{path}\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            stuck.cancel()
        if not line:
            code = self._end()
            late = code == -signal.SIGPROF
            return Answer(None, error=f"timed out after {self.limit:g} s" if late else f"ended with {code}")
        told: dict[str, Any] = json.loads(line)
        return Answer(None if told.get("error") else np.load(f"{path}.score.npy"), **told)

    def _start(self) -> subprocess.Popen[str]:
        python = PYTHONS.get(self.table.split(".")[0], Path(sys.executable))
        if not python.exists():
            raise SystemExit(f"{python} is not there: run `make peers` first")
        one = dict.fromkeys(("OMP", "OPENBLAS", "MKL", "NUMBA", "NUMEXPR"), "1")
        environment = {**os.environ, **{f"{name}_NUM_THREADS": count for name, count in one.items()}}
        words = [str(python), str(HERE / "judge.py"), self.table, self.name, str(self.limit)]
        if self.core is not None:
            words.append(str(self.core))
        return subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def _end(self) -> int | None:
        process, self._process = self._process, None
        if process is None:
            return None
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        return process.returncode


def cores() -> list[int]:
    """The cores this process may use."""
    return sorted(os.sched_getaffinity(0))


def words_of(text: str) -> list[str]:
    """The words of an option, by comma."""
    return [word.strip().lower() for word in text.split(",") if word.strip()]


def is_wanted(title: str, words: list[str], titles: Collection[str]) -> bool:
    """Whether a title is one of some words, or contains one that is no title itself.

    >>> is_wanted("MLP autoencoder", ["auto"], ["auto", "MLP autoencoder"])
    False
    """
    known, title = {each.lower() for each in titles}, title.lower()
    return not words or title in words or any(word in title for word in words if word not in known)


def peak_mb() -> float:
    """The peak of this process's resident memory; a fresh program starts from 0, unlike rusage."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


@contextmanager
def quiet_output() -> Iterator[int]:
    """Standard output goes to standard error, what libraries print included; yields the real one."""
    real = os.dup(1)
    os.dup2(2, 1)
    try:
        yield real
    finally:
        os.dup2(real, 1)


def main() -> None:
    """The child's end."""
    import warnings
    from importlib import import_module

    table, name, limit, *core = sys.argv[1:]
    if core:
        os.sched_setaffinity(0, {int(core[0])})
    warnings.simplefilter("ignore")
    module, attribute = table.split(".")
    with quiet_output() as real, os.fdopen(real, "w", buffering=1, closefd=False) as out:
        detector = getattr(import_module(module), attribute)[name]
        warm = False
        for line in sys.stdin:
            values = np.load(line.strip())
            if not warm:
                warm = True
                noise = np.random.default_rng(0).normal(size=(600, values.shape[1])).cumsum(axis=0)
                try:
                    detector(noise)
                except Exception as error:  # the series itself will tell
                    print(f"{name}, warming up: {error}", file=sys.stderr)
            told: dict[str, Any]
            wall, used = time.perf_counter(), time.process_time()
            try:
                signal.setitimer(signal.ITIMER_PROF, float(limit))  # its signal ends the process
                score = np.asarray(detector(values), dtype=float)
                signal.setitimer(signal.ITIMER_PROF, 0)
                told = {"seconds": time.process_time() - used, "wall": time.perf_counter() - wall}
                if score.shape != (len(values),) or not np.isfinite(score).all():
                    raise ValueError(f"{score.shape} scores for {len(values)} rows, or not all finite")
                np.save(f"{line.strip()}.score.npy", score)
            except Exception as error:
                signal.setitimer(signal.ITIMER_PROF, 0)
                told = {"error": f"{type(error).__name__}: {error}"[:300]}
            out.write(json.dumps({**told, "peak_mb": round(peak_mb(), 1)}) + "\n")


if __name__ == "__main__":
    main()
