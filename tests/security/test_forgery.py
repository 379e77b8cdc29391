"""Forged deliveries: each a valid one spoilt in one part. None is accepted, stored or a fault."""

import base64
import gzip
import json
import random
import secrets
import string
from collections import Counter
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from security.accounts import SECRETS

from connectors.freshdesk.webhook_token import mint_token
from connectors.zendesk.signature import sign
from plugin.rate_limit import RateLimit

EACH = 72  # forgeries of each kind and vendor; with 30 kinds over two thousand
LARGEST = 256 * 1024


def a_body(rng, vendor):
    ticket = str(rng.randrange(1, 10**9))
    if vendor == "freshdesk":
        return rng.choice([{"ticket_id": ticket}, {"freshdesk_webhook": {"ticket_id": ticket}}])
    return {
        "type": "zen:event-type:ticket.created",
        "id": secrets.token_hex(8),
        "time": "2026-11-24T10:12:07.672717030Z",
        "detail": {"id": ticket, "subject": "".join(rng.choices(string.printable, k=40))},
    }


class Valid:
    """A delivery that would be accepted, before something is spoilt."""

    def __init__(self, rng, vendor):
        self.vendor = vendor
        self.path = f"/webhooks/{vendor}/{vendor}"
        self.body = json.dumps(a_body(rng, vendor)).encode()
        self.kid = rng.choice(list(SECRETS))
        self.secret = SECRETS[self.kid]
        now = datetime.now(UTC)
        self.headers = {"Content-Type": "application/json"}
        if vendor == "zendesk":
            self.timestamp = now.isoformat()
            self.sign(self.timestamp)
            self.headers["X-Zendesk-Webhook-Invocation-Id"] = secrets.token_hex(8)
        else:
            token = mint_token(self.secret, kid=self.kid, audience=vendor, issued_at=now)
            self.token(token)

    def sign(self, timestamp, secret=None):
        self.headers["X-Zendesk-Webhook-Signature"] = sign(
            secret or self.secret, timestamp, self.body
        )
        self.headers["X-Zendesk-Webhook-Signature-Timestamp"] = timestamp

    def token(self, token):
        self.headers["Authorization"] = f"Bearer {token}"

    def claims(self, claims=None, *, key=None, header=None, algorithm="HS256"):
        now = int(datetime.now(UTC).timestamp())
        given = {"aud": self.vendor, "iat": now} if claims is None else claims
        header = {"kid": self.kid} if header is None else header
        key = self.secret if key is None else key
        self.token(jwt.encode(given, key, algorithm=algorithm, headers=header))


def flip(rng, text):
    """The text with one character changed in a way that changes its bytes."""
    at = rng.randrange(len(text.rstrip("=")) - 1)  # the last one may hold bits that say nothing
    other = rng.choice([c for c in string.ascii_letters + string.digits if c != text[at]])
    return text[:at] + other + text[at + 1 :]


# Each takes a valid delivery and spoils one part of it.


def body_changed(rng, it):
    at = rng.randrange(len(it.body))
    it.body = it.body[:at] + bytes([it.body[at] ^ 1 << rng.randrange(8)]) + it.body[at + 1 :]


def body_longer(rng, it):
    it.body += bytes(rng.choices(b" \n\t}x", k=rng.randrange(1, 20)))


def body_shorter(rng, it):
    it.body = it.body[: rng.randrange(len(it.body))]


def body_encoded(rng, it):
    it.body = gzip.compress(it.body, mtime=rng.randrange(2**31))
    it.headers["Content-Encoding"] = "gzip"


def body_in_another_charset(rng, it):
    it.body = it.body.decode().encode(rng.choice(["utf-16", "utf-32", "utf-16-be"]))


def signature_changed(rng, it):
    name = "X-Zendesk-Webhook-Signature"
    it.headers[name] = flip(rng, it.headers[name])


def signature_cut(rng, it):
    name = "X-Zendesk-Webhook-Signature"
    it.headers[name] = it.headers[name][: rng.randrange(len(it.headers[name]) - 1)]


def signature_missing(rng, it):
    del it.headers[
        rng.choice(["X-Zendesk-Webhook-Signature", "X-Zendesk-Webhook-Signature-Timestamp"])
    ]


def signature_strange(rng, it):
    it.headers["X-Zendesk-Webhook-Signature"] = rng.choice(
        [
            "é" * 44,
            "=" * 44,
            "\x7f" * 10,
            "A" * 4000,
            "sha256=" + secrets.token_hex(32),
            "0",
            "null",
        ]
    )


def signature_in_hex(rng, it):
    name = "X-Zendesk-Webhook-Signature"
    it.headers[name] = base64.b64decode(it.headers[name]).hex()


def signed_with_another_secret(rng, it):
    it.sign(it.timestamp, secrets.token_urlsafe(32))


def signed_with_the_other_vendor_s_bytes(rng, it):
    it.sign(it.timestamp, base64.b64encode(it.secret.encode()).decode())


def signed_without_the_timestamp(rng, it):
    it.headers["X-Zendesk-Webhook-Signature"] = sign(it.secret, "", it.body)


def timestamp_changed(rng, it):
    at = datetime.now(UTC) + timedelta(seconds=rng.randrange(1, 200))
    it.headers["X-Zendesk-Webhook-Signature-Timestamp"] = at.isoformat()


def timestamp_too_old(rng, it):
    it.sign((datetime.now(UTC) - timedelta(seconds=rng.randrange(310, 10**6))).isoformat())


def timestamp_too_new(rng, it):
    it.sign((datetime.now(UTC) + timedelta(seconds=rng.randrange(310, 10**6))).isoformat())


def timestamp_no_time(rng, it):
    strange = ["now", "0", "99999999999999999999", "٣", "2026-11-24", "2026-13-01T00:00:00Z", "-1"]
    it.sign(rng.choice(strange))


def timestamp_without_zone(rng, it):
    it.sign((datetime.now(UTC) + timedelta(seconds=rng.randrange(100))).isoformat()[:19])


def token_changed(rng, it):
    head, payload, signature = it.headers["Authorization"].split(" ")[1].split(".")
    parts = [head, payload, signature]
    at = rng.randrange(3)
    parts[at] = flip(rng, parts[at])
    it.token(".".join(parts))


def token_missing(rng, it):
    if rng.random() < 0.5:
        del it.headers["Authorization"]
    else:
        it.headers["Authorization"] = rng.choice(
            ["", "Bearer", "Bearer ", "Basic eDp5", "Bearer null"]
        )


def token_cut(rng, it):
    token = it.headers["Authorization"].split(" ")[1]
    it.token(token[: rng.randrange(len(token) - 1)])


def token_unsigned(rng, it):
    it.claims(key="", algorithm="none")
    head, payload, _ = it.headers["Authorization"].split(" ")[1].split(".")
    it.token(f"{head}.{payload}." + rng.choice(["", "AA", secrets.token_urlsafe(32)]))


def token_algorithm(rng, it):
    it.claims(algorithm=rng.choice(["HS384", "HS512"]))


def token_algorithm_named_otherwise(rng, it):
    """The header says another algorithm than the one that signed (key confusion)."""
    name = rng.choice(["none", "None", "NONE", "RS256", "ES256", "EdDSA", "PS256", "hs256", ""])
    head = base64.urlsafe_b64encode(json.dumps({"alg": name, "kid": it.kid}).encode()).rstrip(b"=")
    _, payload, signature = it.headers["Authorization"].split(" ")[1].split(".")
    it.token(f"{head.decode()}.{payload}.{signature}")


def token_of_another_secret(rng, it):
    it.claims(key=secrets.token_urlsafe(32))


def token_kid(rng, it):
    """The kid of the other live secret, of none, or of no text at all."""
    other = next(kid for kid in SECRETS if kid != it.kid)
    it.claims(header={"kid": rng.choice([other, "3", "", "../1", "1' or '1'='1"])})


def token_brings_its_own_key(rng, it):
    key = secrets.token_urlsafe(32)
    jwk = {"kty": "oct", "k": base64.urlsafe_b64encode(key.encode()).decode()}
    extra = rng.choice(
        [{"jwk": jwk}, {"jku": "https://evil.example/keys"}, {"x5u": "https://e.example"}]
    )
    it.claims(key=key, header={"kid": it.kid, **extra})


def token_audience(rng, it):
    now = int(datetime.now(UTC).timestamp())
    other = rng.choice(["zendesk", "", "freshdes", "Freshdesk", ["zendesk"], [], None])
    claims = {"iat": now} if other is None else {"aud": other, "iat": now}
    it.claims(claims)


def token_times(rng, it):
    now = int(datetime.now(UTC).timestamp())
    late = now - rng.randrange(400, 10**6)
    claims = {"aud": it.vendor}
    claims |= rng.choice(
        [
            {},
            {"iat": now + rng.randrange(400, 10**6)},
            {"iat": late, "exp": late},
            {"iat": "soon"},
            {"iat": late, "exp": "never"},
            {"iat": None},
        ]
    )
    it.claims(claims)


def connection_unknown(rng, it):
    name = "".join(rng.choices(string.ascii_lowercase, k=8))
    it.path = f"/webhooks/{it.vendor}/" + rng.choice(
        [name, "%00", "..%2f" + name, "' or 1=1 --", "é"]
    )


def connection_of_the_other_vendor(rng, it):
    other = {"zendesk": "freshdesk", "freshdesk": "zendesk"}[it.vendor]
    it.path = rng.choice([f"/webhooks/{other}/{it.vendor}", f"/webhooks/{other}/{other}"])


def too_large(rng, it):
    it.body = it.body + b" " * (LARGEST + rng.randrange(1, 1000))
    if it.vendor == "zendesk":
        it.sign(it.timestamp)


BOTH = [connection_unknown, connection_of_the_other_vendor, too_large]
ZENDESK = [
    body_changed,
    body_longer,
    body_shorter,
    body_encoded,
    body_in_another_charset,
    signature_changed,
    signature_cut,
    signature_missing,
    signature_strange,
    signature_in_hex,
    signed_with_another_secret,
    signed_with_the_other_vendor_s_bytes,
    signed_without_the_timestamp,
    timestamp_changed,
    timestamp_too_old,
    timestamp_too_new,
    timestamp_no_time,
    timestamp_without_zone,
]
FRESHDESK = [
    body_encoded,
    token_changed,
    token_missing,
    token_cut,
    token_unsigned,
    token_algorithm,
    token_algorithm_named_otherwise,
    token_of_another_secret,
    token_kid,
    token_brings_its_own_key,
    token_audience,
    token_times,
]
KINDS = [("zendesk", one) for one in BOTH + ZENDESK] + [
    ("freshdesk", one) for one in BOTH + FRESHDESK
]


@pytest.fixture
def post(service):
    """Post a delivery; nobody is turned away for how many were refused before."""
    limit = service.app.extensions["refusals_limit"]
    service.app.extensions["refusals_limit"] = RateLimit(count=10**6, seconds=1)
    client = service.app.test_client()
    yield lambda it: client.post(it.path, data=it.body, headers=it.headers)
    service.app.extensions["refusals_limit"] = limit


@pytest.mark.parametrize("vendor", ["zendesk", "freshdesk"])
def test_what_is_spoilt_below_would_have_been_accepted(post, vendor):
    rng = random.Random(1)
    for _ in range(20):
        assert post(Valid(rng, vendor)).status_code == 202


def test_two_thousand_forgeries_are_all_refused_and_leave_no_row(service, post):
    rng = random.Random(20261124)
    before = service.counts()
    answers = Counter()
    for vendor, spoil in KINDS:
        for number in range(EACH):
            it = Valid(rng, vendor)
            spoil(rng, it)
            answer = post(it)
            answers[answer.status_code] += 1
            assert 400 <= answer.status_code < 500, f"{vendor} {spoil.__name__} number {number}"
            assert not any(secret in answer.text for secret in SECRETS.values())
    assert sum(answers.values()) == EACH * len(KINDS) >= 2000
    assert set(answers) <= {400, 401, 404, 413}
    assert service.counts() == before


def test_a_revoked_secret_is_refused_and_the_other_goes_on(service, post):
    rng = random.Random(2)
    connections = service.services.store.connections
    kept = connections.get("freshdesk")
    left = tuple(secret for secret in kept.webhook_secrets if secret.kid == "2")
    connections.save(
        type(kept)(**{f: getattr(kept, f) for f in kept.__slots__} | {"webhook_secrets": left})
    )
    statuses = Counter()
    for _ in range(20):
        it = Valid(rng, "freshdesk")
        statuses[it.kid, post(it).status_code] += 1
    assert set(statuses) == {("1", 401), ("2", 202)}


def test_an_account_without_a_secret_accepts_nothing(service, post):
    connections = service.services.store.connections
    for vendor in ("zendesk", "freshdesk"):
        kept = connections.get(vendor)
        values = {f: getattr(kept, f) for f in kept.__slots__} | {"webhook_secrets": ()}
        connections.save(type(kept)(**values))
        assert post(Valid(random.Random(3), vendor)).status_code == 401


@pytest.mark.parametrize(("seconds", "status"), [(-295, 202), (295, 202), (-305, 401), (305, 401)])
def test_five_minutes_are_tolerated_both_ways(post, seconds, status):
    it = Valid(random.Random(4), "zendesk")
    it.sign((datetime.now(UTC) + timedelta(seconds=seconds)).isoformat())
    assert post(it).status_code == status


def test_a_source_that_is_refused_too_often_is_told_to_wait_and_genuine_ones_pass(service):
    client = service.app.test_client()
    service.app.extensions["refusals_limit"] = RateLimit(count=120, seconds=60)
    rng = random.Random(5)
    statuses = []
    for _ in range(130):
        it = Valid(rng, "zendesk")
        signature_changed(rng, it)
        answer = client.post(it.path, data=it.body, headers=it.headers)
        statuses.append(answer.status_code)
    assert Counter(statuses) == {401: 120, 429: 10}
    assert int(answer.headers["Retry-After"]) >= 1
    it = Valid(rng, "zendesk")  # from the very same address
    assert client.post(it.path, data=it.body, headers=it.headers).status_code == 202
    other = Valid(rng, "zendesk")
    signature_changed(rng, other)
    answer = client.post(
        other.path,
        data=other.body,
        headers=other.headers,
        environ_base={"REMOTE_ADDR": "192.0.2.7"},
    )
    assert answer.status_code == 401
