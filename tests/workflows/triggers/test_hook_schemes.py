"""How webhooks are signed, by vectors of those who sign them, and what is not taken for a signature."""

import base64
import hashlib
import hmac

import pytest

from muelle.workflows.triggers.schemes import (
    GenericScheme,
    GithubScheme,
    Scheme,
    Signed,
    StandardScheme,
    StripeScheme,
    key_of,
    verified,
)

NOW = 1_614_265_330
TOLERANCE = 300.0
# The example of the specification of Standard Webhooks.
STANDARD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
STANDARD = Signed(
    {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": str(NOW),
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    },
    b'{"test": 2432232314}',
)
# The example of GitHub's documentation.
GITHUB_SECRET = "It's a Secret to Everybody"
GITHUB = Signed(
    {"x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"},
    b"Hello, World!",
)
# The example of Slack's documentation: a scheme that has no name here.
SLACK_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
SLACK_AT = 1_531_420_618
SLACK = GenericScheme(
    header="X-Slack-Signature",
    prefix="v0=",
    timestamp_header="X-Slack-Request-Timestamp",
    content="v0:{timestamp}:{body}",
)
SLACK_BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&"
    b"channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&"
    b"response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&"
    b"trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
SLACK_CALL = Signed(
    {
        "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        "x-slack-request-timestamp": str(SLACK_AT),
    },
    SLACK_BODY,
)


def stripe(body: bytes, at: int = NOW) -> Signed:
    digest = hmac.new(b"whsec_stripe", f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return Signed({"stripe-signature": f"t={at}, v1={'0' * 64},v1={digest},v0=x"}, body)


def judged(scheme: Scheme, request: Signed, *secrets: str, now: float = NOW) -> tuple[str, tuple[str, ...]]:
    verdict = verified(scheme, request, [key_of(scheme, secret) for secret in secrets], now, TOLERANCE)
    return verdict.fault, verdict.marks


def test_standard_webhooks_are_known_by_their_signed_id() -> None:
    assert judged(StandardScheme(), STANDARD, STANDARD_SECRET) == ("", ("msg_p5jXN8AQM9LWM0D4loKWxJek",))


def test_github_is_known_by_the_hash_of_its_body_for_its_delivery_is_not_signed() -> None:
    assert judged(GithubScheme(), GITHUB, GITHUB_SECRET) == ("", (hashlib.sha256(GITHUB.body).hexdigest(),))


def test_stripe_is_known_by_the_id_in_its_body_else_by_all_that_is_signed() -> None:
    bare = stripe(b"{}")

    assert judged(StripeScheme(), stripe(b'{"id":"evt_1"}'), "whsec_stripe") == ("", ("evt_1",))
    assert judged(StripeScheme(), bare, "whsec_stripe") == ("", (hashlib.sha256(b"%d.{}" % NOW).hexdigest(),))


def test_a_generic_scheme_signs_what_its_content_says() -> None:
    assert judged(SLACK, SLACK_CALL, SLACK_SECRET, now=SLACK_AT)[0] == ""


def test_a_generic_scheme_in_base64_and_sha512_knows_a_repetition_by_its_id() -> None:
    scheme = GenericScheme(header="X-Sig", encoding="base64", hash="sha512", id_header="X-Id")
    digest = base64.b64encode(hmac.new(b"key", b"body", hashlib.sha512).digest()).decode()

    assert judged(scheme, Signed({"x-sig": digest, "x-id": "7"}, b"body"), "key") == ("", ("7",))
    assert judged(scheme, Signed({"x-sig": digest}, b"body"), "key") == ("", ())
    assert judged(scheme, Signed({"x-sig": digest}, b"bodi"), "key")[0] != ""


@pytest.mark.parametrize("late", [300, -300])
def test_a_signed_time_may_be_as_far_off_as_the_tolerance(late: int) -> None:
    assert judged(StandardScheme(), STANDARD, STANDARD_SECRET, now=NOW + late)[0] == ""


@pytest.mark.parametrize("late", [301, -301])
def test_one_second_more_is_too_much(late: int) -> None:
    assert judged(StandardScheme(), STANDARD, STANDARD_SECRET, now=NOW + late)[0] == "too old or too early"
    assert judged(StripeScheme(), stripe(b"{}"), "whsec_stripe", now=NOW + late)[0] == "too old or too early"
    assert judged(SLACK, SLACK_CALL, SLACK_SECRET, now=SLACK_AT + late)[0] == "too old or too early"


def test_either_of_two_secrets_opens_and_either_of_two_signatures() -> None:
    other = "whsec_" + base64.b64encode(b"x" * 24).decode()
    two = {**STANDARD.headers, "webhook-signature": f"v1,AAAA {STANDARD.headers['webhook-signature']}"}

    assert judged(StandardScheme(), STANDARD, other, STANDARD_SECRET)[0] == ""
    assert judged(StandardScheme(), Signed(two, STANDARD.body), STANDARD_SECRET, other)[0] == ""
    assert judged(StandardScheme(), STANDARD, other)[0] == "the signature does not fit"


@pytest.mark.parametrize(
    "changed",
    [
        {"webhook-id": "msg_other"},
        {"webhook-timestamp": str(NOW + 1)},
        {"webhook-timestamp": "soon"},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
        {"webhook-signature": "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
        {"webhook-signature": "v1,ñ"},
    ],
)
def test_whatever_is_changed_the_signature_fits_no_more(changed: dict[str, str]) -> None:
    request = Signed({**STANDARD.headers, **changed}, STANDARD.body)

    assert judged(StandardScheme(), request, STANDARD_SECRET)[0] in {"no signature", "the signature does not fit"}


def test_a_request_without_id_is_not_signed() -> None:
    at = str(NOW)
    digest = base64.b64encode(
        hmac.new(key_of(StandardScheme(), STANDARD_SECRET), f".{at}.x".encode(), "sha256").digest()
    )
    headers = {"webhook-timestamp": at, "webhook-signature": f"v1,{digest.decode()}"}

    assert judged(StandardScheme(), Signed(headers, b"x"), STANDARD_SECRET)[0] == "no signature"


def test_only_ten_signatures_of_one_request_are_looked_at() -> None:
    right = STANDARD.headers["webhook-signature"]
    tenth = Signed({**STANDARD.headers, "webhook-signature": " ".join(["v1,AAAA"] * 9 + [right])}, STANDARD.body)
    eleventh = Signed({**STANDARD.headers, "webhook-signature": " ".join(["v1,AAAA"] * 10 + [right])}, STANDARD.body)

    assert judged(StandardScheme(), tenth, STANDARD_SECRET)[0] == ""
    assert judged(StandardScheme(), eleventh, STANDARD_SECRET)[0] != ""


def test_an_id_that_is_long_or_odd_is_known_by_its_hash() -> None:
    key = key_of(StandardScheme(), STANDARD_SECRET)
    for delivery, is_kept in (("x" * 100, True), ("x" * 101, False), ("a b", False)):
        digest = base64.b64encode(hmac.new(key, f"{delivery}.{NOW}.".encode(), "sha256").digest()).decode()
        headers = {"webhook-id": delivery, "webhook-timestamp": str(NOW), "webhook-signature": f"v1,{digest}"}
        fault, marks = judged(StandardScheme(), Signed(headers, b""), STANDARD_SECRET)

        assert fault == ""
        assert (marks == (delivery,)) is is_kept


@pytest.mark.parametrize("secret", ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_%%%"])
def test_a_standard_secret_is_base64_behind_its_prefix(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_"):
        key_of(StandardScheme(), secret)
