"""Whoever runs a document pays nothing for users."""

import json
import subprocess
import sys
from pathlib import Path

HELLO = """
{"type":"operationUpdate","operationId":"a","operation":{"Wait":{"duration":0}}}
"""
PROGRAM = """
import json, sys
from muelle.cli import main
main(sys.argv[1:])
print(json.dumps(sorted(sys.modules)))
"""
LEFT_OUT = ("argon2", "webauthn", "bcrypt", "joserfc", "smtplib", "cryptography.hazmat.primitives.asymmetric.rsa")
OWN = ("muelle.identity.tokens.opening", "muelle.identity.users.opening", "muelle.identity.federation.opening")


def test_running_a_document_loads_nothing_of_users(tmp_path: Path) -> None:
    document = tmp_path / "a.jsonl"
    document.write_text(HELLO)
    command = [sys.executable, "-c", PROGRAM, "run", str(document), "--home", str(tmp_path / "home")]

    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)  # noqa: S603 - our own program

    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert "muelle.identity.service" in loaded
    assert loaded & {*LEFT_OUT, *OWN} == set()
