"""Whose certificates the HTTP client trusts, and how a connection over TLS ends."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest
from doors import KEY, PROMPT, SAMPLING, door_to, error_at
from raw_server import OK, Peer, answering, serving, whole

from fusion_eval.errors import EndpointError, TransientError
from fusion_eval.models.http.direct import DirectClient

REPLY = whole(b'{"choices": [{"message": {"content": "7"}, "finish_reason": "stop"}]}')


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a new key and a certificate for `localhost` that it signed itself."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the command openssl, to make a certificate")
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    command = [openssl, "req", "-x509", *kind, *names, "-keyout", str(path), "-out", f"{path}.crt"]
    subprocess.run(command, check=True, capture_output=True)
    with path.open("ab") as file:
        file.write(Path(f"{path}.crt").read_bytes())
    return path


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    """Return the TLS settings of a server with the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def secure(port: int, host: str = "localhost") -> str:
    return f"https://{host}:{port}/v1"


async def test_a_certificate_that_nobody_signed_is_refused_in_one_clear_sentence(tls: ssl.SSLContext) -> None:
    async with serving(answering(REPLY), tls) as server:
        error = await error_at(secure(server.port), api_key=KEY)
        await server.all_closed()
    assert type(error) is EndpointError
    assert str(error) == (
        f"Cannot reach {secure(server.port)} for test-model: its certificate is not trusted "
        f"(self-signed certificate). Is the server up, and is base_url right?"
    )
    assert server.requests == []


async def test_a_certificate_for_another_host_is_refused(
    tls: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with serving(answering(REPLY), tls) as server:
        error = await error_at(secure(server.port, "127.0.0.1"), api_key=KEY)
    assert "not trusted (IP address mismatch, certificate is not valid for '127.0.0.1')." in str(error)
    assert server.requests == []


async def test_a_server_without_tls_is_no_https(certificate: Path) -> None:
    async def serve(peer: Peer) -> None:
        await peer.reader.read(1)
        await peer.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    async with serving(serve) as server:
        error = await error_at(secure(server.port, "127.0.0.1"))
    assert type(error) is EndpointError and str(error).isprintable()


async def test_a_certificate_in_ssl_cert_file_is_trusted(
    tls: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with serving(answering(REPLY), tls) as server, door_to(secure(server.port)) as door:
        for _ in range(2):
            [candidate] = await door.sample(PROMPT, SAMPLING, 1)
            assert candidate.text == "7"
        assert server.connections == 1
        await door.close()
        await server.all_closed()


@pytest.mark.parametrize("body", [b"{}", b"{"], ids=["whole", "cut off"])
async def test_over_tls_too_a_body_can_end_with_the_connection(
    tls: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    """Where the length is known, a body that is cut off is no answer."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    head = OK + b"\r\n" if body == b"{}" else OK + b"Content-Length: 2\r\n\r\n"
    async with serving(answering(head, body, closes=True), tls) as server:
        client = DirectClient(secure(server.port), {}, 5.0)
        if body == b"{}":
            assert (await client.request("POST", "x", b"{}", 1000)).body == body
        else:
            with pytest.raises(ConnectionError):
                await client.request("POST", "x", b"{}", 1000)
        await client.close()


async def test_a_server_that_drops_a_tls_connection_is_transient(
    tls: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def serve(peer: Peer) -> None:
        await peer.request()
        peer.writer.transport.abort()

    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with serving(serve, tls) as server:
        error = await error_at(secure(server.port))
    assert type(error) is TransientError and "broke the connection" in str(error)
