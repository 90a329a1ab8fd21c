"""The doctor's fault table, the way to the centre: name, port, TLS, clock, answer, token; whom to tell what."""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
from datetime import timedelta

import pytest

from agent.doctor.report import State
from tests.agent.doctor.told import first
from tests.agent.sync.test_tls import Authority

# ── The way to the centre ───────────────────────────────────────────────────────────────────────


def test_every_hop_works(patient, centre, by_hop):
    """From the settings to the token; the till's own token was shown."""
    good = centre()
    patient.enrol(good.url)
    report = patient.examine()

    assert None is report.first, report.first
    found = by_hop(report)
    hops = (found.enrolment, found.dns, found.tcp, found.tls, found.clock, found.centre, found.token)
    assert [State.OK] * 7 == [one.state for one in hops]
    assert good.asked[-1].startswith("Bearer tt-secret")


@pytest.mark.net
def test_the_real_centre(patient, tmp_path, by_hop):
    """Enrolled at the reference centre it knows this till; once the till was enrolled elsewhere it does not."""
    from agent.sync.enrol import enrol
    from tests.agent.sync.key_rig import Centre as RealCentre

    for folder in ("centre", "another disk"):
        (tmp_path / folder).mkdir(mode=0o700)
    real = RealCentre(tmp_path / "centre")
    try:
        enrol(real.url, real.code("t1"), patient.folder)
        known = patient.examine()
        enrol(real.url, real.code("t1"), tmp_path / "another disk")
        unknown = patient.examine()
    finally:
        real.stop()
    found = by_hop(known)

    assert None is known.first, known.first
    assert [State.OK] * 3 == [found.clock.state, found.centre.state, found.token.state]
    assert ("token", "token_refused") == first(unknown)


def test_not_enrolled(patient):
    assert ("enrolment", "not_enrolled") == first(patient.examine())


def test_dns_gone(patient, by_hop):
    """The provider is told; what hangs on the name is not tried."""
    patient.enrol("https://centre.example")

    def resolve(host, port):
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    report = patient.examine(resolve=resolve)

    assert ("dns", "dns") == first(report)
    assert "centre.example" in report.first.what
    assert [State.SKIPPED] * 2 == [by_hop(report).tcp.state, by_hop(report).token.state]


def test_dns_that_never_answers(patient, monkeypatch):
    """A dead resolver keeps the system waiting for half a minute; not the doctor."""
    patient.enrol("https://centre.example")
    monkeypatch.setattr("agent.doctor.centre.DNS_S", 0.05)
    hold = threading.Event()
    report = patient.examine(resolve=lambda host, port: hold.wait(10) and [])
    hold.set()

    assert ("dns", "dns") == first(report)


def test_the_port_is_closed(patient):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    patient.enrol(f"http://127.0.0.1:{port}")

    assert ("tcp", "tcp") == first(patient.examine())


def test_the_proxy_is_off(patient):
    """The proxy is the first connection: it is named, not the centre."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    patient.enrol("http://127.0.0.1:9")
    patient.central = f'[central]\nproxy = "http://127.0.0.1:{port}"\n'

    assert ("tcp", "proxy") == first(patient.examine())


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path, "chain-authority")


def server_tls(authority, **more):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("centre", **more))
    return context


@pytest.mark.parametrize(
    ("behind_days", "code"),
    [(10, "clock"), (0, "tls")],
)
def test_tls_fails_for_the_clock_or_for_the_certificate(patient, centre, authority, behind_days, code):
    """Expired as our clock sees it: the centre's own clock says which of the two is wrong."""
    far = centre(server_tls(authority, days=(-30, -3)), clock=timedelta(days=behind_days))
    patient.enrol(far.url)
    patient.central = f"[central]\nca_file = {json.dumps(str(authority.file))}\n"
    report = patient.examine()

    assert ("tls", code) == first(report)
    assert "expired" in report.first.what
    assert code != "clock" or "ahead of the centre's" in report.first.what


def test_somebody_else_answers(patient, centre, authority):
    """A certificate of an authority nobody here trusts: a filter, or an antivirus program."""
    patient.enrol(centre(server_tls(authority)).url)

    assert ("tls", "tls_foreign") == first(patient.examine())


def test_a_trusted_line(patient, centre, authority, by_hop):
    patient.enrol(centre(server_tls(authority)).url)
    patient.central = f"[central]\nca_file = {json.dumps(str(authority.file))}\n"
    report = patient.examine()

    assert None is report.first, report.first
    assert "TLSv1.3" in by_hop(report).tls.what


def test_the_clock_is_wrong(patient, centre):
    """Three minutes are no drift."""
    patient.enrol(centre(clock=timedelta(minutes=3)).url)
    report = patient.examine()

    assert ("clock", "clock") == first(report)
    assert re.search(r"18\d s ahead of", report.first.what)


@pytest.mark.parametrize(
    ("status", "problem", "hop", "code"),
    [
        (401, {"code": "unauthorised", "message": "the token is not valid"}, "token", "token_refused"),
        (502, {}, "centre", "centre_broken"),
        (500, {}, "centre", "centre_broken"),
        (403, {"html": "please log in to the hotel"}, "centre", "tls_foreign"),
        (409, {"code": "fork", "message": "another history"}, "token", "centre_refused"),
    ],
)
def test_what_the_centre_answers(patient, centre, status, problem, hop, code):
    """401 is ours to mend with the operator, 502 is the operator's, a hotel's page is neither."""
    patient.enrol(centre(status=status, problem=problem).url)
    report = patient.examine()

    assert (hop, code) == first(report)
    assert code != "centre_broken" or str(status) in report.first.what
