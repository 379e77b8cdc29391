"""Whom we act as at Zendesk, which answers 200 to credentials that it refuses."""

import pytest
import responses

from connectors.base import Connection
from connectors.errors import CredentialsRejected
from connectors.zendesk.admin import ZendeskAdmin

BASE = "https://old-token.zendesk.com"
ANONYMOUS = {"user": {"id": None, "name": "Anonymous user"}}
CREDENTIALS = {"client_id": "a client", "client_secret": "its secret"}


def admin(credentials):
    return ZendeskAdmin(
        Connection(key="acme", vendor="zendesk", base_url=BASE, credentials=credentials)
    )


@responses.activate
def test_an_old_token_is_renewed_where_zendesk_answers_as_anonymous_user():
    for token in ("old", "new"):
        responses.post(f"{BASE}/oauth/tokens", json={"access_token": token})
    responses.get(f"{BASE}/api/v2/users/me.json", json=ANONYMOUS)
    responses.get(f"{BASE}/api/v2/users/me.json", json={"user": {"id": 7, "role": "admin"}})
    assert admin(CREDENTIALS).me()["id"] == 7
    sent = [
        c.request.headers["Authorization"] for c in responses.calls if c.request.method == "GET"
    ]
    assert sent == ["Bearer old", "Bearer new"]


@responses.activate
def test_a_token_that_cannot_be_renewed_is_refused_at_once():
    responses.get(f"{BASE}/api/v2/users/me.json", json=ANONYMOUS)
    with pytest.raises(CredentialsRejected, match="Anonymous user"):
        admin({"access_token": "old"}).me()
    assert len(responses.calls) == 1
