"""Settings of where secrets are looked for."""

from dataclasses import dataclass, field
from typing import Annotated

from msgspec import Meta

from muelle.core import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcesSettings:
    """Where the secrets of credentials are looked for, one source after the other."""

    order: tuple[str, ...] = ("built-in",)  # built-in, environment, hashicorp, aws; the first that has it decides
    seconds: float = 60.0  # how long a secret from elsewhere is remembered; a refusal has it looked up anew
    timeout_seconds: float = 5.0  # asking one source
    remembered: Annotated[int, Meta(ge=1)] = 10_000  # secrets from elsewhere that are remembered at most
    environment_prefix: str = "CREDENTIAL"  # of a variable such as CREDENTIAL__default__crm_2Dkey
    hashicorp_url: str = ""  # of a HashiCorp Vault or OpenBao, such as https://vault.example.com:8200
    hashicorp_token: Secret = field(default_factory=lambda: Secret(""))  # or a file, which agents keep fresh
    hashicorp_token_file: str = ""  # where a token lies that something else renews; read anew at every look-up
    hashicorp_namespace: str = ""  # if it has namespaces
    hashicorp_mount: str = "secret"  # where its KV engine (version 2) is
    hashicorp_path: str = "muelle/{tenant}/{credential}"  # of a secret in it
    hashicorp_field: str = "value"  # of the secret, whose text is sent
    aws_region: str = ""  # of AWS Secrets Manager
    aws_endpoint: str = ""  # if it is not that of the region
    aws_name: str = "muelle/{tenant}/{credential}"  # of a secret there
    aws_field: str = ""  # of the secret's JSON; without it the secret is its whole text
    aws_key: Secret = field(default_factory=lambda: Secret(""))  # ID:SECRET[:TOKEN]; without it, what botocore finds
