"""An object store and a web server with TLS, on this machine."""

from __future__ import annotations

import contextlib
import datetime
import http.server
import ipaddress
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

BUCKET = "lists"
KEY, SECRET = "fakekeyid", "fakesecret"


@contextlib.contextmanager
def s3_server(patch: pytest.MonkeyPatch) -> Iterator[object]:
    """A bucket in a local S3 server; yields pyarrow's file system for it. Skips where there is no such server."""
    moto = pytest.importorskip("moto.server", reason="the S3 server of these tests is moto[server]")
    fs = pytest.importorskip("pyarrow.fs")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", KEY)
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        store = fs.S3FileSystem(endpoint_override=f"{host}:{port}", scheme="http", allow_bucket_creation=True)
        store.create_dir(BUCKET)
        yield store
    finally:
        server.stop()


def put(store: object, key: str, content: bytes) -> str:
    """Put an object into the bucket; returns its address."""
    with store.open_output_stream(f"{BUCKET}/{key}", compression=None) as out:  # type: ignore[attr-defined]
        out.write(content)
    return f"s3://{BUCKET}/{key}"


def get(store: object, key: str) -> bytes:
    """What an object of the bucket holds."""
    with store.open_input_stream(f"{BUCKET}/{key}", compression=None) as found:  # type: ignore[attr-defined]
        content: bytes = found.read()
    return content


Respond = Callable[[http.server.BaseHTTPRequestHandler], None]


@dataclass
class Web:
    """A server: what it answers with, by path, and the headers that it was sent. authority: the file of its CA."""

    address: str
    authority: Path
    answers: dict[str, Respond] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)

    def put(self, path: str, content: bytes) -> str:
        """A file; returns its address."""
        self.answers[path] = whole(content)
        return f"{self.address}{path}"


def whole(content: bytes, *, length: int | None = None) -> Respond:
    """Answer with a file. length: what is announced, where that is another."""

    def respond(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(content) if length is None else length))
        request.end_headers()
        request.wfile.write(content)

    return respond


def endless(content: bytes) -> Respond:
    """Answer without a length."""

    def respond(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        request.wfile.write(content)

    return respond


def chunked(content: bytes, *, end: bytes = b"0\r\n\r\n") -> Respond:
    """Answer in one chunk. end: what follows it."""

    def respond(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        request.wfile.write(b"%x\r\n%s\r\n%s" % (len(content), content, end))

    return respond


def sent_on(where: str) -> Respond:
    """Answer that the file is elsewhere."""

    def respond(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(302)
        request.send_header("Location", where)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return respond


@contextlib.contextmanager
def web_server(folder: Path) -> Iterator[Web]:
    """A web server at https://127.0.0.1, with a certificate of its own authority."""
    authority, chain = _certificates(folder)
    web = Web("", authority)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            web.asked.append({name.lower(): value for name, value in self.headers.items()} | {"path": self.path})
            self.close_connection = True
            respond = web.answers.get(self.path)
            if respond is None:
                self.send_error(404)
            else:
                respond(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.handle_error = lambda request, address: None  # type: ignore[method-assign, misc]
        server.socket = context.wrap_socket(server.socket, server_side=True)
        web.address = f"https://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield web
        finally:
            server.shutdown()
            thread.join()


def _certificates(folder: Path) -> tuple[Path, Path]:
    """An authority's certificate, and key and certificate of a server that it has signed."""
    now = datetime.datetime.now(datetime.UTC)

    def signed(who: str, key: ec.EllipticCurvePrivateKey, issuer: str, by: ec.EllipticCurvePrivateKey) -> bytes:
        def name(text: str) -> x509.Name:
            return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

        is_authority = who == issuer
        made = (
            x509.CertificateBuilder()
            .subject_name(name(who))
            .issuer_name(name(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
            )
        )
        return made.sign(by, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    root, server = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority, chain = folder / "authority.pem", folder / "server.pem"
    authority.write_bytes(signed("authority", root, "authority", root))
    private = server.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain.write_bytes(private + signed("server", server, "authority", root))
    return authority, chain
