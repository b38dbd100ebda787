"""Mutual TLS: both sides show certificates of the authority that they agreed on, or nothing is asked and answered."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ruxue.exchange import connections, connector
from ruxue.exchange.connector import DepartmentError
from ruxue.exchange.items import Query

from .conftest import Desk, serving

ASKED = Query(
    request_id="r1", item="ED1", app_no="a", legal_basis="l", consent_id="c",
    timestamp=datetime(2026, 3, 1, tzinfo=UTC), keys={"id": "1"},
)  # fmt: skip


class Authority:
    """Makes certificates in a folder: its own as ca.pem, others as name.pem and name.key."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir()
        self.folder, self.key = folder, ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self._write("ca", self.key, self.name, x509.BasicConstraints(ca=True, path_length=0))
        self.certificate = folder / "ca.pem"

    def issue(self, name: str) -> tuple[Path, Path]:
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        return self._write(name, ec.generate_private_key(ec.SECP256R1()), subject, here)

    def _write(self, name: str, key: Any, subject: x509.Name, extension: x509.ExtensionType) -> tuple[Path, Path]:
        now, public = datetime.now(UTC), key.public_key()
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(extension, critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        pem, secret = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return pem, secret


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "agreed", "agreed authority")


@pytest.fixture
def secured(authority: Authority) -> Iterator[Desk]:
    """A department that answers only clients with a certificate of the authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("department"))
    context.load_verify_locations(authority.certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    with serving(context) as made:
        yield made


def tls(authority: Path, pair: tuple[Path, Path] | None = None) -> dict[str, str]:
    found = {"authority": str(authority)}
    return found | {"certificate": str(pair[0]), "key": str(pair[1])} if pair else found


def test_questions_and_messages_go_over_mutual_tls(secured: Desk, authority: Authority, connect: Any) -> None:
    own = tls(authority.certificate, authority.issue("city"))
    setup = connect({"ED": {"url": secured.url, "tls": own}}).items()["ED1"]
    reply = connector.send(setup, "ED1", [ASKED]).result(10)
    assert list(reply.answers) == ["r1"] and not reply.struck
    secured.handle = lambda path, headers, body: (200, {}, {"reference": path})
    assert connector.post(setup, "/corrections", {}) == {"reference": "/corrections"}


@pytest.mark.parametrize("who", ["nobody", "stranger", "impostor"])
def test_a_wrong_certificate_on_either_side_asks_and_tells_nothing(
    who: str, secured: Desk, authority: Authority, tmp_path: Path, connect: Any
) -> None:
    other = Authority(tmp_path / "other", "another authority")
    shown = {
        "nobody": tls(authority.certificate),
        "stranger": tls(authority.certificate, other.issue("city")),
        "impostor": tls(other.certificate, authority.issue("city")),  # the department is not whom we expect
    }[who]
    setup = connect({"ED": {"url": secured.url, "tls": shown}}).items()["ED1"]
    reply = connector.send(setup, "ED1", [ASKED]).result(10)
    assert reply.struck == "unreachable" and reply.failed == {"r1": "unreachable"} and not reply.answers
    with pytest.raises(DepartmentError):
        connector.post(setup, "/corrections", {"says": "secret"})
    assert not secured.asked


def test_an_unusable_certificate_strikes_its_own_department_only(tmp_path: Path) -> None:
    broken = tmp_path / "ca.pem"
    broken.write_text("no certificate")
    setup = connections.DepartmentSetup(url="https://127.0.0.1:9", tls=connections.Tls(authority=str(broken)))
    reply = connector.send(setup, "ED1", [ASKED]).result(10)
    assert reply.struck == "unreachable" and reply.failed == {"r1": "unreachable"}
