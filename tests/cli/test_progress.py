"""Progress: few lines in a log, a bar on a terminal."""

from __future__ import annotations

import io

import pytest

from qdisc.cli.progress import BarProgress, LogProgress, make_progress


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_log_lines_come_at_tenths_and_not_more_often_than_every_few_seconds():
    clock, out = Clock(), io.StringIO()
    progress = LogProgress(out, clock)
    progress.stage("training", 100)
    for step in range(100):
        clock.now = 0.2 * (step + 1)  # 20 s in all: a tenth takes 2 s
        progress.advance(loss=2.5 - step / 100, epoch=step)
    progress.message("saved")
    progress.done()
    progress.done()
    assert out.getvalue().splitlines() == [
        "training ...",
        "training  15 %  about 17 s left  loss=2.36 epoch=14",
        "training  30 %  about 14 s left  loss=2.21 epoch=29",
        "training  45 %  about 11 s left  loss=2.06 epoch=44",
        "training  60 %  about 8.0 s left  loss=1.91 epoch=59",
        "training  75 %  about 5.0 s left  loss=1.76 epoch=74",
        "training  90 %  about 2.0 s left  loss=1.61 epoch=89",
        "saved",
        "training done in 20 s  loss=1.51 epoch=99",
    ]


def test_a_slow_stage_logs_every_tenth_and_a_new_stage_ends_the_old_one():
    clock, out = Clock(), io.StringIO()
    progress = LogProgress(out, clock)
    progress.advance(3)  # before any stage: nothing to say
    progress.stage("encode", 10)
    for step in range(10):
        clock.now = 100.0 * (step + 1)
        progress.advance()
    progress.stage("write")
    lines = out.getvalue().splitlines()
    assert lines[1] == "encode  10 %  about 15 min left" and len(lines) == 12
    assert lines[-2:] == ["encode done in 16 min", "write ..."]


@pytest.mark.parametrize(
    ("quiet", "stream", "kind"),
    [(False, Terminal(), BarProgress), (True, Terminal(), LogProgress),
     (False, io.StringIO(), LogProgress)],
)  # fmt: skip
def test_a_bar_only_on_a_terminal(quiet, stream, kind):
    assert type(make_progress(quiet, stream)) is kind


def test_the_bar_shows_stages_and_leaves_the_terminal_in_order():
    out = Terminal()
    progress = BarProgress(out)
    progress.advance()
    progress.stage("training", 4)
    progress.advance(2, loss=1.25)
    progress.message("[bold] is not markup")
    progress.stage("writing")
    progress.advance(1)
    progress.done()
    text = out.getvalue()
    assert "training" in text and "loss=1.25" in text and "[bold] is not markup" in text
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h")  # cursor hidden and shown again
