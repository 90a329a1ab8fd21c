"""The log: one line an event, files that keep to their share, and nobody's name in it."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.cli import main
from agent.service import logs
from agent.service.event_log import REPEAT_S, EventLog
from agent.service.log_file import LogFile, last_lines, new_lines
from agent.service.logs import LineFormatter, is_journal, log_folder, set_up
from agent.service.notify import BABYSAT
from agent.settings import LogSettings

CARD, PHONE, TOKEN = "2900000000018", "+7 900 000-00-01", "tp_" + "ab" * 32


def record(text: str, *words: object, level: int = logging.INFO, exc_info: object = None) -> logging.LogRecord:
    return logging.LogRecord("agent.till", level, __file__, 1, text, words, exc_info)  # type: ignore[arg-type]


def raised(error: Exception) -> object:
    """As `sys.exc_info` has it in an except clause."""
    try:
        raise error
    except type(error):
        return sys.exc_info()


@pytest.fixture
def untouched() -> Iterator[None]:
    """What `set_up` changes of the process, as it was."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, sys.excepthook, logs.threading.excepthook
    yield
    for one in root.handlers:
        if one not in before[0]:
            one.close()
    root.handlers[:], sys.excepthook, logs.threading.excepthook = before[0], before[2], before[3]
    root.setLevel(before[1])


def test_an_event_is_one_line_also_with_a_traceback() -> None:
    line = LineFormatter().format(record("a\nb", exc_info=raised(ValueError("first\nsecond"))))

    assert "\n" not in line
    assert "a | b Traceback" in line.replace(" | Traceback", " Traceback")
    assert line.endswith("ValueError: first | second")


def test_the_time_has_a_zone_and_the_journal_gets_priorities() -> None:
    plain = LineFormatter().format(record("queue.sent count=%d", 3))
    bare = LineFormatter(has_time=False, has_priority=True)

    assert plain.split(" ", 1)[1] == "INFO agent.till queue.sent count=3"
    assert len("2026-11-22T10:00:00.123+0300") == len(plain.split(" ", 1)[0])
    assert ["<6>INFO", "<4>WARNING", "<3>ERROR"] == [
        bare.format(record("x", level=level)).split(" ")[0] for level in (logging.INFO, logging.WARNING, logging.ERROR)
    ]


@pytest.mark.parametrize("secret", [CARD, PHONE, TOKEN, "anna@example.com", "Bearer abc.def", "ticket=18f.aa.bb"])
def test_what_a_library_quotes_is_masked(secret: str) -> None:
    """Also in the words of an exception."""
    line = LineFormatter().format(record("said %s", secret, exc_info=raised(KeyError(secret))))

    assert secret not in line
    assert "said #" in line


def test_a_wrong_log_call_costs_no_line() -> None:
    assert "count=%d" in LineFormatter().format(record("count=%d", "three"))


def file_of(folder: Path, **given: object) -> LogFile:
    made = LogFile(folder / "log" / "t.log", **{"bytes_max": 100, "count": 3, **given})  # type: ignore[arg-type]
    made.setFormatter(logging.Formatter("%(message)s"))
    return made


def test_files_keep_to_their_share(tmp_path: Path) -> None:
    """Three files of a hundred bytes, whatever is written."""
    file = file_of(tmp_path)
    for number in range(100):
        file.emit(record(f"line {number:03} {'x' * 20}"))
    file.close()
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "log").iterdir()}

    assert {"t.log", "t.log.1", "t.log.2"} == set(sizes)
    assert max(sizes.values()) <= 100
    assert "line 099" in last_lines(tmp_path / "log" / "t.log", 1)[0]
    assert [f"line {number:03}" for number in range(95, 100)] == [
        line[:8] for line in last_lines(tmp_path / "log" / "t.log", 5)
    ]


def test_one_file_begins_anew(tmp_path: Path) -> None:
    file = file_of(tmp_path, count=1)
    for number in range(10):
        file.emit(record(f"line {number} {'x' * 30}"))
    file.close()

    assert ["t.log"] == [path.name for path in (tmp_path / "log").iterdir()]


def test_a_file_that_is_open_elsewhere_is_written_on_and_renamed_later(tmp_path: Path, monkeypatch) -> None:
    """Windows refuses to rename it: no line is lost, and no disk is filled."""
    now = [0.0]
    file = file_of(tmp_path, monotonic=lambda: now[0])
    real, tries = Path.replace, [0]

    def refuse(path: Path, target: Path) -> Path:
        tries[0] += 1
        raise PermissionError(32, "in use by another process")

    monkeypatch.setattr(Path, "replace", refuse)
    for number in range(4):
        file.emit(record(f"line {number} {'x' * 32}"))
    grown = file.path.stat().st_size
    for _ in range(50):
        file.emit(record("y" * 50))
    most = file.path.stat().st_size
    monkeypatch.setattr(Path, "replace", real)
    now[0] = 61.0
    file.emit(record("after"))
    file.close()

    assert grown > 100
    assert most <= 200
    assert tries[0] == 1
    assert file.lost > 0
    assert b"after\n" == file.path.read_bytes()
    assert "line 0" in (tmp_path / "log" / "t.log.1").read_text()


def test_a_file_that_stays_open_elsewhere_costs_no_older_one(tmp_path: Path, monkeypatch) -> None:
    """However often it is tried: the older files are the history of what went wrong."""
    now = [0.0]
    file = file_of(tmp_path, count=4, monotonic=lambda: now[0])
    for number in range(8):
        file.emit(record(f"line {number} {'x' * 38}"))
    before = last_lines(file.path, 100)
    real = Path.replace

    def refuse(path: Path, target: Path) -> Path:
        if path == file.path:
            raise PermissionError(32, "in use by another process")
        return real(path, target)

    monkeypatch.setattr(Path, "replace", refuse)
    for number in range(8, 13):
        now[0] += 61.0
        file.emit(record(f"line {number}"))
    file.close()

    assert [line[:6] for line in before] == [f"line {number}" for number in range(8)]
    kept = [line[:7].strip() for line in last_lines(file.path, 100)]
    assert [f"line {number}" for number in range(2, 13)] == kept


@pytest.mark.skipif(sys.platform == "win32" or not hasattr(os, "geteuid"), reason="SKIPPED LOUDLY: /dev/full is Linux")
def test_a_full_disk_costs_lines_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "t.log").symlink_to("/dev/full")
    file = file_of(tmp_path)
    file.emit(record("nobody reads this"))
    file.close()

    assert 1 == file.lost


def test_new_lines_come_over_a_rotation(tmp_path: Path) -> None:
    file = file_of(tmp_path)
    file.emit(record("old"))
    script = iter(["one", "two", "x" * 99, "three", None])

    def wait() -> bool:
        text = next(script)
        if text is not None:
            file.emit(record(text))
        return text is not None

    assert ["one", "two", "x" * 99, "three"] == list(new_lines(file.path, wait))
    file.close()


def test_where_the_files_are() -> None:
    state = Path("/state")

    assert Path("/state/log") == log_folder(LogSettings(), state, {})
    assert Path("/var/log/tillpoint") == log_folder(LogSettings(), state, {"LOGS_DIRECTORY": "/var/log/tillpoint"})
    assert Path("/own") == log_folder(LogSettings(folder="/own"), state, {"LOGS_DIRECTORY": "/var/log/tillpoint"})


@pytest.mark.skipif(sys.platform == "win32", reason="SKIPPED LOUDLY: the journal is a thing of Linux")
def test_the_journal_is_known_by_its_inode(tmp_path: Path) -> None:
    with (tmp_path / "journal").open("w") as stream:
        status = os.fstat(stream.fileno())

        assert is_journal(stream, {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
        assert not is_journal(stream, {"JOURNAL_STREAM": "1:1"})
        assert not is_journal(stream, {})
    assert not is_journal(io.StringIO(), {"JOURNAL_STREAM": "1:1"})


@pytest.mark.usefixtures("untouched")
def test_set_up_takes_everything_over(tmp_path: Path) -> None:
    """Levels, files and counts; a service of Windows has no standard error."""
    stderr, sys.stderr = sys.stderr, None  # type: ignore[assignment]
    try:
        counts = set_up(LogSettings(event_log=False), tmp_path, environment={})
        logging.getLogger("httpx").info("chatter")
        logging.getLogger("agent.till").warning("one")
        logging.getLogger("agent.till").error("two")
        logs.threading.excepthook(
            logs.threading.ExceptHookArgs((ValueError, ValueError("three"), None, logs.threading.current_thread()))
        )
    finally:
        sys.stderr = stderr
    text = (tmp_path / "log" / "tillpoint.log").read_text()

    assert (1, 2) == (counts.warnings, counts.errors)
    assert ["one", "two", "ValueError: three"] == [
        line.rpartition(" ")[2] if "three" not in line else "ValueError: three" for line in text.splitlines()
    ]
    assert "chatter" not in text


def test_windows_hears_of_warnings_and_of_each_once_in_a_while() -> None:
    now, told = [0.0], []
    handler = EventLog(lambda kind, number, text: told.append((kind, number, text)), monotonic=lambda: now[0])
    for _ in range(5):
        handler.handle(record("disk slow code=%s", CARD, level=logging.WARNING))
    handler.handle(record("disk failed", level=logging.ERROR))
    now[0] = REPEAT_S + 1
    handler.handle(record("disk slow code=%s", "7", level=logging.WARNING))

    assert [
        (2, 2, "WARNING agent.till disk slow code=" + "#" * 13),
        (1, 3, "ERROR agent.till disk failed"),
        (2, 2, "WARNING agent.till disk slow code=7"),
    ] == told


def test_two_warnings_of_one_kind_of_line_are_two() -> None:
    """A disk that is full and a clock that is wrong leave the agent by the same call; numbers make no other line."""
    told: list[str] = []
    handler = EventLog(lambda kind, number, text: told.append(text), monotonic=lambda: 0.0)
    for words in (("disk_full", "63 MiB are free"), ("clock", "601 s ahead"), ("disk_full", "62 MiB are free")):
        line = record("health.%s %s", level=logging.WARNING)
        line.args = words
        handler.handle(line)

    assert ["disk_full", "clock"] == [text.split()[2].removeprefix("health.") for text in told]


def test_an_event_log_that_fails_stops_nothing() -> None:
    def fail(kind: int, number: int, text: str) -> None:
        raise RuntimeError("pywintypes.error")

    EventLog(fail).emit(record("x", level=logging.ERROR))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(f"[till]\nstate_folder = '{tmp_path}'\n", "utf-8")
    return path


def test_the_command_shows_the_last_lines(config: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "log").mkdir()
    lines = [f"2026-11-22T10:00:0{n}.000+0300 {'ERROR' if n == 3 else 'INFO'} agent.x line {n}" for n in range(6)]
    (tmp_path / "log" / "tillpoint.log.1").write_text("\n".join(lines[:4]) + "\n")
    (tmp_path / "log" / "tillpoint.log").write_text("\n".join(lines[4:]) + "\n")
    main(["log", "-n", "3", "--config", str(config)])
    last = capsys.readouterr().out.splitlines()
    main(["log", "--level", "warning", "--config", str(config)])

    assert lines[3:] == last
    assert [lines[3]] == capsys.readouterr().out.splitlines()


def test_no_log_is_a_sentence(config: Path, capsys) -> None:
    assert 1 == main(["log", "--config", str(config)])
    assert "no log at" in capsys.readouterr().err


@pytest.mark.net
@pytest.mark.skipif(sys.platform == "win32", reason="SKIPPED LOUDLY: SIGTERM to a process is for POSIX")
def test_a_running_agent_writes_its_own_file(tmp_path: Path) -> None:
    """The whole process: what it says on standard error is in the file, with a time."""
    config = tmp_path / "config.toml"
    config.write_text(f"[till]\nstate_folder = '{tmp_path}'\n[doors]\nport = 0\n", "utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "agent.cli", "run", "--config", str(config)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, **(BABYSAT if sys.platform == "win32" else {})},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert "ready" in process.stdout.readline()
        if sys.platform != "win32":
            process.terminate()
        _, said = process.communicate(timeout=30)  # Windows: the end of its input is the babysitter's wish
    finally:
        process.kill()
        process.wait()
    text = (tmp_path / "log" / "tillpoint.log").read_text()

    assert "agent.stopping" in text
    assert said == text
