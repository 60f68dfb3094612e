"""An authenticator that the tests write themselves: a device that signs what a browser asks."""

import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from muelle.identity.tokens.algorithms import b64

ORIGIN = "https://muelle.example.com"
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40
Json = dict[str, Any]


@dataclass
class Device:
    """A device that keeps one key, and says what the test wants it to say."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    id: bytes = field(default_factory=lambda: os.urandom(32))
    uses: int = 0
    origin: str = ORIGIN
    host: str = "muelle.example.com"
    flags: int = PRESENT | VERIFIED

    def makes(self, options: Json) -> Json:
        """Answer navigator.credentials.create."""
        point = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        said = self._said(self.flags | ATTESTED) + bytes(16) + len(self.id).to_bytes(2, "big") + self.id
        attested = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": said + cbor2.dumps(cose)})
        client = self._client("webauthn.create", options)
        return self._credential({"clientDataJSON": text_of(client), "attestationObject": text_of(attested)})

    def answers(self, options: Json) -> Json:
        """Answer navigator.credentials.get."""
        self.uses += 1
        said, client = self._said(self.flags), self._client("webauthn.get", options)
        signed = self.key.sign(said + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        response = {"clientDataJSON": client, "authenticatorData": said, "signature": signed}
        return self._credential({name: text_of(raw) for name, raw in response.items()})

    def _said(self, flags: int) -> bytes:
        return hashlib.sha256(self.host.encode()).digest() + bytes([flags]) + self.uses.to_bytes(4, "big")

    def _client(self, kind: str, options: Json) -> bytes:
        return json.dumps({"type": kind, "challenge": options["challenge"], "origin": self.origin}).encode()

    def _credential(self, response: Json) -> Json:
        return {"id": text_of(self.id), "rawId": text_of(self.id), "type": "public-key", "response": response}


def text_of(raw: bytes) -> str:
    return b64(raw).decode()
