"""The server on real sockets: loopback only, a taken port in words, raw requests no client library would send."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import httpx
import pytest

from agent.doors.binding import bind_loopback
from agent.doors.holder import holder_of, pid_in_netstat, socket_in_proc_table
from agent.doors.server import DoorServer
from drivers.vocabulary.errors import TransportUnavailable

pytestmark = pytest.mark.net


def raw(port, request):
    """Send bytes, read until the server ends or falls silent."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(request)
        data = b""
        while b"\r\n\r\n" not in data and (piece := connection.recv(65_536)):
            data += piece
        return data


def status_of(answer):
    return int(answer.split(b" ", 2)[1])


def test_serves_on_both_loopbacks_and_stops(serve):
    """Up, answering, down, and the port is free again."""
    server = serve()
    answers = [httpx.get(f"http://{host}:{server.port}/healthz").status_code for host in ("127.0.0.1", "[::1]")]
    server.stop()
    server.stop()

    assert ([200, 200], False) == (answers, server.is_running)

    for listener in bind_loopback(server.port):
        listener.close()


def test_only_loopback_is_bound():
    """No listener of ours can be reached from the network."""
    listeners = bind_loopback(0)
    addresses = {listener.getsockname()[0] for listener in listeners}
    for listener in listeners:
        listener.close()

    assert addresses <= {"127.0.0.1", "::1"}


def test_answers_are_sent_at_once():
    """asyncio sets TCP_NODELAY only on sockets that are named TCP; without it an answer may wait 40 ms."""
    listeners = bind_loopback(0)
    protocols = {listener.proto for listener in listeners}
    for listener in listeners:
        listener.close()

    assert protocols == {socket.IPPROTO_TCP}


def test_taken_port_names_the_setting_and_the_holder(doors):
    """The sentence tells store IT what to change and whom to close."""
    first = bind_loopback(0)
    port = first[0].getsockname()[1]
    with pytest.raises(TransportUnavailable) as caught:
        DoorServer(doors.app, port=port).start()
    for listener in first:
        listener.close()

    assert f"cannot open port {port}" in str(caught.value)
    assert "set doors.port" in str(caught.value)
    if sys.platform == "linux":
        assert f"(pid {os.getpid()})" in str(caught.value)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_nobody_holds_a_free_port():
    """No holder is not an error."""
    listeners = bind_loopback(0)
    port = listeners[0].getsockname()[1]
    for listener in listeners:
        listener.close()

    assert "" == holder_of(port)


def test_holder_is_read_from_the_systems_own_tables():
    """One row of each system's table, the Russian Windows included."""
    proc = (
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        "   0: 0100007F:223D 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 34567 1 0 100 0 0 10 0\n"
        "   1: 0100007F:223D 0100007F:9999 01 00000000:00000000 00:00000000 00000000  1000        0 99999 1 0 100 0 0 10 0\n"
    )
    netstat = (
        "\r\n\xc0\xea\xf2\xe8\xe2\xed\xfb\xe5\r\n"
        "  TCP    0.0.0.0:135            0.0.0.0:0              LISTENING       1044\r\n"
        "  TCP    127.0.0.1:8765         127.0.0.1:50111        ESTABLISHED     7\r\n"
        "  TCP    127.0.0.1:8765         0.0.0.0:0              \xcf\xd0\xce\xd1\xcb\xd3\xd8\xc8\xc2\xc0\xcd\xc8\xc5   4711\r\n"
    )

    assert ("34567", "") == (socket_in_proc_table(proc, 8765), socket_in_proc_table(proc, 8766))
    assert ("4711", "") == (pid_in_netstat(netstat, 8765), pid_in_netstat(netstat, 876))


@pytest.mark.parametrize(
    ("request_line", "headers", "status"),
    [
        ("GET /healthz HTTP/1.1", "Host: 127.0.0.1:{port}", 200),
        ("GET /healthz HTTP/1.1", "Host: evil.example:{port}", 421),
        ("GET /panel/panel.js HTTP/1.1", "Host: evil.example", 421),
        ("GET /nowhere HTTP/1.1", "Host: evil.example", 421),
        ("GET /panel/stream HTTP/1.1", "Host: evil.example", 421),
        ("GET http://evil.example/healthz HTTP/1.1", "Host: evil.example", 421),
        ("GET /healthz HTTP/1.0", "Accept: */*", 421),
        ("GET /healthz HTTP/1.1", "Accept: */*", 400),
        ("GET /healthz HTTP/1.1", "Host: 127.0.0.1:{port}\r\nHost: evil.example", 400),
        ("GET /healthz HTTP/1.0", "Host: 127.0.0.1:{port}\r\nHost: evil.example", 400),
        ("GET /healthz HTTP/1.1", "Host: evil.example\r\nX-Forwarded-Host: 127.0.0.1:{port}", 421),
        (
            "POST /panel/identify HTTP/1.1",
            "Host: 127.0.0.1:{port}\r\nOrigin: http://evil.example\r\nContent-Length: 0",
            403,
        ),
        ("POST /v1/confirm HTTP/1.1", "Host: 127.0.0.1:{port}\r\nContent-Length: 2000000", 401),
    ],
)
def test_raw_requests(serve, request_line, headers, status):
    """What an attacker types by hand."""
    server = serve()
    request = f"{request_line}\r\n{headers.format(port=server.port)}\r\n\r\n"
    answer = raw(server.port, request.encode())

    assert status == status_of(answer)
    assert b"server:" not in answer.lower()


def test_allow_list_follows_the_real_port(serve):
    """The Host of another port of loopback is another service."""
    server = serve()
    answer = raw(server.port, f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{server.port + 1}\r\n\r\n".encode())

    assert 421 == status_of(answer)


def test_huge_header_is_refused(serve):
    """Nobody fills the memory by a header without end."""
    answer = raw(serve().port, b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 100_000)

    assert 400 == status_of(answer)


def test_import_stays_small():
    """Nothing heavy comes along with the doors."""
    heavy = "{'jinja2', 'pydantic', 'httpx', 'multipart', 'escpos', 'phonenumbers', 'yaml'}"
    script = f"import sys, agent.doors.server; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert "[]" == done.stdout.strip()
