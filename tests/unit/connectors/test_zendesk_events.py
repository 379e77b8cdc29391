"""What Zendesk's deliveries mean."""

import json
from datetime import UTC, datetime

import pytest

from connectors.base import Delivery
from connectors.errors import PayloadError
from connectors.zendesk.events import parse


def delivered(**payload):
    body = json.dumps(payload).encode()
    return Delivery(connection="a", vendor="zendesk", body=body, received_at=datetime.now(UTC))


def test_an_organisation_s_event_names_the_organisation():
    kind = "zen:event-type:organization.custom_field_changed"
    event = parse(delivered(type=kind, detail={"id": "8447346622462"}))
    assert (event.organization_id, event.name) == ("8447346622462", "custom_field_changed")


def test_an_organisation_s_event_without_a_number_is_unreadable():
    with pytest.raises(PayloadError, match="organisation's number"):
        parse(delivered(type="zen:event-type:organization.created", detail={}))


def test_a_user_s_event_concerns_no_ticket():
    kind = "zen:event-type:user.organization_membership_created"
    assert parse(delivered(type=kind, detail={"id": "1"})) is None
