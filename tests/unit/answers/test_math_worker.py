"""A separate process compares mathematics: hostile text, kills, interrupts, forks and threads do it no harm."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from fusion_eval.answers.equivalence import same_answer
from fusion_eval.answers.math_worker import worker


@pytest.mark.parametrize(
    "answer",
    ["9**9**9**9", "9^{9^{9^{9}}}", "99999999!", "((99999!)!)!", r"\binom{99999999}{49999999}", "10^{10^{10}}-10^{10^{10}}+18",
     r"\sum_{n=1}^{99999999999} \frac{1}{n}", r"\prod_{n=1}^{9999999} n", "x^{99999999}-1+(x+1)^{9999}", r"\int_0^1 e^{e^{x^x}} dx",
     "\\underbrace{" * 10_000 + "x" + "}" * 10_000, "{" * 19 + "y" + "}" * 19, "\\sqrt" * 90 + "{2}", "(" * 10**6, "\x00\n\ud800 1 x"],
)  # fmt: skip
def test_hostile_mathematics_is_a_different_answer_and_blocks_nothing(answer):
    assert same_answer("y+1", "1+y", "en")
    # when
    assert not same_answer(answer, "x", "en")
    assert not same_answer(answer, "17", "en")
    # then the next comparison works
    assert same_answer(r"2\pi", r"\pi+\pi", "en")


def test_the_text_of_a_model_is_not_evaluated_as_code(tmp_path):
    for name in ("os", "sys"):
        same_answer(f"1 + __import__('{name}').system('touch {tmp_path}/pwned')", "18", "en")
    assert list(tmp_path.glob("pwned")) == []
    # given a process in which calls of `eval` are visible
    code = (
        "import builtins; from fusion_eval.answers.same_statement import is_same_statement as same;"
        "builtins.eval = lambda *a, **k: print('evaluated', a);"
        r"print(same(r'\frac{1}{2}+x', r'x+0.5'), same('__import__(1)', '3'), same('exec(1)', '3'))"
    )
    # when it compares formulas and code, then nothing is evaluated
    assert output_of(code) == "True False False"


def output_of(code: str) -> str:
    """Run code in a Python process of its own and return what it prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_dead_process_is_replaced_and_threads_share_it():
    assert same_answer("a+b", "b+a", "en")
    worker._process.kill()
    worker._process.wait()
    results: list[bool] = []
    threads = [
        threading.Thread(target=lambda n=n: results.append(same_answer(f"{n}+z", f"z+{n}", "en")))
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 4


def test_an_interrupt_does_not_shift_later_replies():
    """Otherwise, each reply would be read as the reply to the next question, from then on."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(KeyboardInterrupt):
            for n in range(10_000):
                same_answer(f"x^{{{n}}}+{n}y", f"{n}y+x^{{{n}}}", "en")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert same_answer("u+1", "1+u", "en")
    assert not same_answer("u+1", "u+10", "en")
    assert same_answer("v+1", "1+v", "en")


def test_a_fork_during_a_comparison_leaves_no_lock_behind():
    with worker._lock:  # as if another thread compared
        child = os.fork()
        if child == 0:
            os._exit(0 if same_answer("k+m", "m+k", "en") else 1)
    waited = time.monotonic() + 60
    while time.monotonic() < waited:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            assert os.waitstatus_to_exitcode(status) == 0
            return
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    pytest.fail("the child waits for a lock that nobody will release")


def test_a_comparison_that_timed_out_is_tried_again_later(monkeypatch):
    monkeypatch.setattr(worker, "compare", lambda answer, reference: None)
    assert not same_answer("b+1", "1+b", "en")
    monkeypatch.undo()
    assert same_answer("b+1", "1+b", "en")


@pytest.mark.skipif(sys.platform != "linux", reason="Linux limits the memory of a process in this way")
def test_a_machine_with_less_memory_than_the_limit_is_enough():
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (1_900_000_000, 1_900_000_000));"
        "from fusion_eval.answers.equivalence import same_answer; print(same_answer('a+b', 'b+a', 'en'))"
    )
    assert output_of(code) == "True"
