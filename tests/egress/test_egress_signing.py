import base64
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any

import pytest

from egress.egress_world import World, agent, reply
from muelle.core import CredentialRef, Secret
from muelle.egress import CredentialDraft, CredentialId, Placement
from muelle.egress.errors import CredentialNotBound, InvalidCall, InvalidCredential
from muelle.egress.guard import networks_of
from muelle.egress.kinds import AwsKey, HmacOptions, SigV4Options
from muelle.egress.signing import Moment, hmac_signed, sigv4, sigv4_header
from muelle.egress.target import Target, read_target
from muelle.egress.wire import Request

KEY = CredentialId("key")
REF = CredentialRef("key")
AWS_SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
AWS: dict[str, Any] = {"type": "aws-sigv4", "options": {"region": "us-east-1", "service": "execute-api"}}
TOKEN = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"
EVERY = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def request(method: str, target: Target, body: bytes | None = None) -> Request:
    return Request(method=method, target=target, headers={}, body=body, networks=networks_of(()), max_answer_bytes=1)


# Facts of AWS's published test suite for Signature Version 4 (us-east-1, "service", 2015-08-30T12:36:00Z).
@pytest.mark.parametrize(
    ("method", "path", "query", "headers", "body", "signature"),
    [
        ("GET", "/", "", {}, b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "/", "", {}, b"", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        ("GET", f"/{EVERY}", "", {}, b"", "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"),
        ("GET", "/ሴ", "", {}, b"", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
        ("GET", "/example space/", "", {}, b"", "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"),
        (
            "GET",
            "/",
            "Param2=value2&Param1=value1",
            {},
            b"",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            "GET",
            "/",
            f"{EVERY}={EVERY}",
            {},
            b"",
            "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
        ),
        ("GET", "/", "%E1%88%B4=bar", {}, b"", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"),
        (
            "GET",
            "/",
            "",
            {"my-header1": " value1", "my-header2": ' "a   b   c"'},
            b"",
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
        (
            "POST",
            "/",
            "",
            {"my-header1": "VALUE1"},
            b"",
            "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
        ),
        (
            "POST",
            "/",
            "",
            {"content-type": "application/x-www-form-urlencoded"},
            b"Param1=value1",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
        (
            "POST",
            "/",
            "",
            {"content-type": "application/x-www-form-urlencoded; charset=utf8"},
            b"Param1=value1",
            "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe",
        ),
        (
            "GET",
            "/",
            "",
            {"x-amz-security-token": TOKEN},
            b"",
            "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
        ),
    ],
)
def test_a_signature_is_that_of_the_published_suite(
    method: str, path: str, query: str, headers: dict[str, str], body: bytes, signature: str
) -> None:
    target = Target("https", "example.amazonaws.com", 443, path, query, path)
    signed = {"host": "example.amazonaws.com", "x-amz-date": "20150830T123600Z", **headers}

    header = sigv4_header(
        request(method, target, body),
        signed,
        AwsKey("AKIDEXAMPLE", AWS_SECRET),
        SigV4Options(region="us-east-1", service="service"),
        hashlib.sha256(body).hexdigest(),
    )

    names = ";".join(sorted(signed))
    scope = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request"
    assert header == f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={names}, Signature={signature}"


def test_a_signature_for_s3_is_that_of_its_reference() -> None:
    empty = hashlib.sha256(b"").hexdigest()
    signed = {
        "host": "examplebucket.s3.amazonaws.com",
        "range": "bytes=0-9",
        "x-amz-content-sha256": empty,
        "x-amz-date": "20130524T000000Z",
    }
    key = AwsKey("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    get = request("GET", read_target("https://examplebucket.s3.amazonaws.com/test.txt"))

    header = sigv4_header(get, signed, key, SigV4Options(region="us-east-1", service="s3"), empty)

    assert header.endswith("Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")


@pytest.mark.parametrize(("service", "same"), [("s3", True), ("sqs", False)])
def test_only_s3_takes_a_path_as_it_means(service: str, *, same: bool) -> None:
    options = SigV4Options(region="eu-west-1", service=service)
    one, other = (
        sigv4(
            request("GET", read_target(url)),
            AwsKey("AKIDEXAMPLE", AWS_SECRET),
            options,
            datetime(2026, 1, 2, tzinfo=UTC),
        )
        for url in ("https://h.example/a%20b:c", "https://h.example/a%20b%3Ac")
    )

    assert (one.headers["authorization"] == other.headers["authorization"]) is same


@pytest.mark.parametrize(
    ("options", "signed", "headers"),
    [
        (HmacOptions(), b"1767312000\nPOST\n/a\nb=c\nbody", {"x-timestamp": "1767312000"}),
        (
            HmacOptions(parts=("timestamp", "nonce", "url"), separator="", timestamp_format="milliseconds"),
            b"1767312000000once" + b"https://h.example/a?b=c",
            {"x-timestamp": "1767312000000", "x-nonce": "once"},
        ),
        (
            HmacOptions(parts=("host", "timestamp", "body-sha256"), separator=".", timestamp_format="iso"),
            b"h.example.2026-01-02T00:00:00Z." + hashlib.sha256(b"body").hexdigest().encode(),
            {"x-timestamp": "2026-01-02T00:00:00Z"},
        ),
        (HmacOptions(parts=("header:X-Tenant", "body")), b"acme\nbody", {}),
    ],
)
@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
def test_what_is_signed_by_hmac_is_what_the_options_say(
    options: Any, signed: bytes, headers: dict[str, str], algorithm: Any
) -> None:
    fields = {name: getattr(options, name) for name in options.__struct_fields__}
    moment = Moment(datetime(2026, 1, 2, tzinfo=UTC), "once")
    post = request("POST", read_target("https://h.example/a?b=c"), b"body")
    post = Request(**{**{name: getattr(post, name) for name in post.__slots__}, "headers": {"x-tenant": "acme"}})

    sent = hmac_signed(post, b"shared-key", HmacOptions(**{**fields, "algorithm": algorithm}), moment).headers

    expected = hmac.new(b"shared-key", signed, algorithm).hexdigest()
    assert sent == {"x-tenant": "acme", "x-signature": expected, **headers}


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("hex", lambda digest: digest.hex()),
        ("base64", lambda digest: base64.b64encode(digest).decode()),
        ("base64url", lambda digest: base64.urlsafe_b64encode(digest).decode().rstrip("=")),
    ],
)
async def test_a_signature_is_written_as_its_options_say(world: World, encoding: str, shown: Any) -> None:
    options = {
        "parts": ["body"],
        "encoding": encoding,
        "prefix": "v1=",
        "header": "X-Hub-Signature",
        "key_encoding": "hex",
    }
    await world.credential(b"a shared key".hex(), type="hmac", options=options)

    await world.post(world.server.url(), headers={"x-hub-signature": REF}, body="hello")

    digest = hmac.new(b"a shared key", b"hello", hashlib.sha256).digest()
    assert world.server.seen[0].headers["x-hub-signature"] == f"v1={shown(digest)}"


async def test_an_api_signs_each_of_its_calls_as_it_leaves(world: World) -> None:
    await world.credential(f"AKIDEXAMPLE:{AWS_SECRET}:{TOKEN}", apis=("crm",), **AWS)
    await world.api(credential=Placement(credential=KEY))

    await world.post(world.server.url("/x"), body={"a": 1})
    world.clock.forward(minutes=1)
    await world.post(world.server.url("/x"), body={"a": 1})

    first, second = (seen.headers for seen in world.server.seen)
    assert first["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert (
        "SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token" in first["authorization"]
    )
    assert first["x-amz-security-token"] == TOKEN
    assert first["x-amz-content-sha256"] == hashlib.sha256(b'{"a":1}').hexdigest()
    assert first["authorization"] != second["authorization"]
    assert AWS_SECRET not in str(world.server.seen)


async def test_the_host_that_is_signed_is_the_host_that_is_sent(world: World) -> None:
    options = {"parts": ["host", "body"]}
    await world.credential("a-shared-key", type="hmac", options=options)

    await world.post(world.server.url(), headers={"X-Signature": REF}, body="hello")

    seen = world.server.seen[0].headers
    assert seen["host"] == f"127.0.0.1:{world.server.port}"
    signed = f"{seen['host']}\nhello".encode()
    assert seen["x-signature"] == hmac.new(b"a-shared-key", signed, hashlib.sha256).hexdigest()


@pytest.mark.parametrize("where", [{"query": {"k": REF}}, {"body": {"k": REF}}, {"body": REF}])
async def test_the_key_of_a_signature_never_leaves(world: World, where: dict[str, Any]) -> None:
    await world.credential("a-shared-key", type="hmac")

    with pytest.raises(InvalidCall) as error:
        await world.post(world.server.url(), **where)

    assert error.value.facts["credential"] == "key"
    assert "a-shared-key" not in str(error.value)
    assert world.server.seen == []


async def test_a_request_has_one_signature(world: World) -> None:
    await world.credential("a-shared-key", type="hmac")
    await world.credential("another-key!", type="hmac", id=CredentialId("other"))

    with pytest.raises(InvalidCall):
        await world.get(world.server.url(), headers={"X-A": REF, "X-B": CredentialRef("other")})


async def test_a_header_that_is_to_be_signed_must_be_there(world: World) -> None:
    await world.credential("a-shared-key", type="hmac", options={"parts": ["header:X-Tenant"]})

    with pytest.raises(InvalidCall) as error:
        await world.get(world.server.url(), headers={"X-Signature": REF})

    assert error.value.facts["field"] == "headers/x-tenant"


async def test_after_a_redirect_within_its_origin_a_request_is_signed_anew(world: World) -> None:
    await world.credential("a-shared-key", type="hmac", options={"parts": ["path"]})
    world.server.answers("/one", reply(307, Location="/two"))

    await world.get(world.server.url("/one"), headers={"X-Signature": REF})

    signatures = [seen.headers["x-signature"] for seen in world.server.seen]
    assert signatures == [hmac.new(b"a-shared-key", path, hashlib.sha256).hexdigest() for path in (b"/one", b"/two")]


async def test_after_a_redirect_to_another_origin_nothing_is_signed(world: World) -> None:
    await world.credential("a-shared-key", type="hmac")
    world.names.answers["other.example"] = [["127.0.0.1"]]
    elsewhere = world.server.url("/two", host="other.example")
    world.server.answers("/one", reply(307, Location=elsewhere))

    await world.get(world.server.url("/one"), headers={"X-Signature": REF})

    assert "x-signature" in world.server.seen[0].headers
    assert not {"x-signature", "x-timestamp", "authorization"} & set(world.server.seen[1].headers)


async def test_a_signature_is_bound_as_every_credential(world: World) -> None:
    await world.credential("a-shared-key", type="hmac", hosts=("api.example.com",))

    with pytest.raises(CredentialNotBound):
        await world.get(world.server.url(), headers={"X-Signature": REF})


@pytest.mark.parametrize(
    ("kind", "options", "secret", "field"),
    [
        ("api-key", {"region": "eu-west-1"}, "s3cret-token", "options"),
        ("aws-sigv4", {"region": "eu-west-1"}, f"AKID:{AWS_SECRET}", "options"),
        ("aws-sigv4", {"region": "eu/west", "service": "s3"}, f"AKID:{AWS_SECRET}", "options/region"),
        ("aws-sigv4", {"region": "eu-west-1", "service": "s3"}, AWS_SECRET, "secret"),
        ("aws-sigv4", {"region": "eu-west-1", "service": "s3", "more": 1}, f"AKID:{AWS_SECRET}", "options"),
        ("hmac", {"parts": ["weather"]}, "a-shared-key", "options/parts"),
        ("hmac", {"parts": ["header:X Y"]}, "a-shared-key", "options/parts"),
        ("hmac", {"parts": []}, "a-shared-key", "options"),
        ("hmac", {"header": "Host"}, "a-shared-key", "options/header"),
        ("hmac", {"header": "X-Nonce"}, "a-shared-key", "options/header"),
        ("hmac", {"prefix": "a\r\nb"}, "a-shared-key", "options/prefix"),
        ("hmac", {"algorithm": "md5"}, "a-shared-key", "options"),
        ("hmac", {"key_encoding": "hex"}, "not in hex!", "secret"),
        ("hmac", {"key_encoding": "base64"}, "not base64!", "secret"),
        ("oauth2-client-credentials", {"client_id": "me"}, "s3cret-token", "options"),
        ("oauth2-client-credentials", {"client_id": "me", "token_url": "ftp://x"}, "s3cret-token", "options/token_url"),
        ("oauth2-refresh-token", {"client_id": "me", "token_url": "https://x.example"}, '{"a": "bcdefgh"}', "secret"),
    ],
)
async def test_a_type_whose_options_cannot_work_names_its_fault(
    world: World, kind: str, options: dict[str, Any], secret: str, field: str
) -> None:
    draft = CredentialDraft(id=KEY, type=kind, options=options, hosts=("api.example.com",))

    with pytest.raises(InvalidCredential) as error:
        await world.egress.credentials.add(agent(), draft, Secret(secret))

    assert error.value.facts["field"] == field
    assert secret not in str(error.value)
