"""A certificate and a small compiled pipeline for tests of the Kubeflow client."""

import ipaddress
import ssl
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from kfp import compiler, dsl


def make_authority(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A certificate for localhost that nobody trusts but who is given it, as a server's context and a file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(timezone.utc)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
    builder = builder.not_valid_after(now + timedelta(days=1)).add_extension(names, critical=False)
    certificate = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(
        key, hashes.SHA256()
    )
    path, key_path = folder / "authority.pem", folder / "key.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, key_path)
    return context, path


def tiny_text(name: str = "census", image: str = "image:1", takes_overrides: bool = True) -> str:
    """A small pipeline of the real compiler: three nodes in a row, and one at the end whatever came before."""

    def node_of(function_name: str, display: str) -> Any:
        def body():
            return dsl.ContainerSpec(image=image, command=["true"])

        body.__name__ = function_name
        component = dsl.container_component(body)

        def task() -> Any:
            made = component()
            made.set_display_name(display)
            return made.set_retry(2)

        return task

    steps = [("example_gen", "ExampleGen"), ("trainer", "Trainer"), ("pusher", "Pusher")]

    def graph(training_epochs: int = 6, overrides: str = "{}") -> None:
        with dsl.ExitHandler(node_of("finish", "Finish")(), name="Graph"):
            before = None
            for function_name, display in steps:
                made = node_of(function_name, display)()
                before = made.after(before) if before else made

    def bare(training_epochs: int = 6) -> None:
        graph()

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "pipeline.yaml")
        compiler.Compiler().compile(dsl.pipeline(name=name)(graph if takes_overrides else bare), path)
        return Path(path).read_text(encoding="utf-8")
