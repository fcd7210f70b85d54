"""The embedded PostgreSQL server: its promises, tried on a real one."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import environ
import psycopg
import pytest

from config.embedded import directories, errors, layout, locks, processes
from config.embedded.postgres import EmbeddedPostgres

PROJECT_ROOT = Path(__file__).resolve().parents[3]
HOLDER = """
import sys, pathlib
from config.embedded.postgres import EmbeddedPostgres
server = EmbeddedPostgres(directory=pathlib.Path(sys.argv[1]), durable=False)
server.start()
print(server.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(directory=tmp_path, durable=False) as running:
        yield running


def remember(server: EmbeddedPostgres, word: str) -> None:
    with psycopg.connect(server.database_url()) as connection:
        connection.execute("create table if not exists words (word text)")
        connection.execute("insert into words values (%s)", [word])


def remembered(server: EmbeddedPostgres) -> list[str]:
    with psycopg.connect(server.database_url()) as connection:
        return [row[0] for row in connection.execute("select word from words order by word")]


def test_server_runs_under_an_unprivileged_account_and_opens_no_port(
    server: EmbeddedPostgres,
) -> None:
    assert Path(f"/proc/{server.pid}").stat().st_uid != 0
    with psycopg.connect(server.database_url()) as connection:
        row = connection.execute("select current_setting('listen_addresses')").fetchone()
    assert row == ("",)


def test_data_survives_a_stop(server: EmbeddedPostgres) -> None:
    remember(server, "kept")
    server.stop()
    assert not server.is_running
    server.start()
    assert remembered(server) == ["kept"]


def test_data_survives_a_kill(server: EmbeddedPostgres) -> None:
    remember(server, "kept")
    server.kill()
    server.start()
    assert remembered(server) == ["kept"]


def test_starting_a_running_server_changes_nothing(server: EmbeddedPostgres) -> None:
    before = server.pid
    server.start()
    assert server.pid == before


def test_second_server_on_the_same_directory_is_refused(server: EmbeddedPostgres) -> None:
    second = EmbeddedPostgres(directory=server.layout.state_dir, durable=False)
    with pytest.raises(locks.HeldElsewhere, match=str(os.getpid())):
        second.start()
    assert server.is_running


def test_process_id_that_was_given_to_a_stranger_is_left_alone(server: EmbeddedPostgres) -> None:
    server.kill()
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        pid_file = server.layout.postgres_data / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:], ""]))
        server.start()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of a death")
def test_server_does_not_outlive_whoever_started_it(tmp_path: Path) -> None:
    holder = start_holder(tmp_path)
    pid = int(read_line(holder))
    holder.kill()
    holder.communicate()
    mark = str(layout.Layout.at(tmp_path).postgres_data)
    assert processes.wait_until(lambda: not processes.bears(pid, mark=mark), seconds=10)
    directories.leave_private_dir(layout.Layout.at(tmp_path))


def test_server_that_was_left_behind_is_stopped_by_the_next_start(tmp_path: Path) -> None:
    with EmbeddedPostgres(directory=tmp_path, durable=False) as first:
        remember(first, "kept")
        left_behind = first.pid
        first._lock.release()
        with EmbeddedPostgres(directory=tmp_path, durable=False) as second:
            assert second.pid != left_behind
            assert remembered(second) == ["kept"]
        assert not first.is_running


def test_socket_path_stays_short_however_deep_the_directory(tmp_path: Path) -> None:
    deep = tmp_path / ("deep" * 30) / ("with space" * 10)
    with EmbeddedPostgres(directory=deep, durable=False) as server:
        assert len(str(server.layout.postgres_sockets / ".s.PGSQL.5432")) <= 107
        remember(server, "reached")


def test_url_is_understood_by_django(server: EmbeddedPostgres) -> None:
    server.create_database("another")
    settings = environ.Env.db_url_config(server.database_url("another"))
    assert settings["ENGINE"] == "django.db.backends.postgresql"
    with psycopg.connect(
        dbname=settings["NAME"], user=settings["USER"], **settings["OPTIONS"]
    ) as connection:
        assert connection.info.dbname == "another"


def test_failure_to_start_shows_the_log(server: EmbeddedPostgres) -> None:
    server.stop()
    (server.layout.postgres_data / "PG_VERSION").write_text("12\n")
    with pytest.raises(errors.EmbeddedServerError, match="incompatible with server"):
        server.start()
    assert not server.is_running


def test_test_server_leaves_nothing_outside_its_directory(tmp_path: Path) -> None:
    with EmbeddedPostgres(directory=tmp_path, durable=False) as server:
        private_dir = server.layout.private_dir
    assert not private_dir.exists()


def test_directory_that_others_can_write_is_refused(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    with pytest.raises(errors.EmbeddedServerError, match="written by other users"):
        directories.ensure_private(shared)
    assert stat.S_IMODE(shared.stat().st_mode) == 0o777


def test_link_in_place_of_a_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(errors.EmbeddedServerError, match="not a directory"):
        directories.ensure_private(tmp_path / "link")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir(mode=0o700)
    os.chown(foreign, 12345, 12345)
    with pytest.raises(errors.EmbeddedServerError, match="belongs to user id 12345"):
        directories.ensure_private(foreign)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's data lies outside")
def test_data_goes_with_its_state_directory(tmp_path: Path) -> None:
    state_dir = tmp_path / "state"
    with EmbeddedPostgres(directory=state_dir, durable=True) as server:
        remember(server, "old")
    try:
        subprocess.run(["rm", "-r", str(state_dir)], check=True)
        with EmbeddedPostgres(directory=state_dir, durable=False) as server:
            remember(server, "new")
            assert remembered(server) == ["new"]
    finally:
        directories.leave_private_dir(layout.Layout.at(state_dir))


def start_holder(directory: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(directory)],
        cwd=PROJECT_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def read_line(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().decode().strip()
