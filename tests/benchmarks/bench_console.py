"""How long each page of the console takes, with 100,000 tickets and 300,000 events stored.

Server side: from the request to the last byte, in this process, over a real PostgreSQL. Prints
median and 95th percentile of each page, and ends with 1 where a 95th percentile is above 100 ms.
The check of a new policy tries it on 5,000 clocks: its time is printed apart, without a limit.
TEST_DATABASE_URL names the database; its tables are emptied and filled anew.
"""

from __future__ import annotations

import re
import shutil
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from plugin.app import create_app
from plugin.bootstrap import build_services
from plugin.console.passwords import hashed
from plugin.embedded import EmbeddedPostgres
from plugin.settings import Settings
from plugin.store.migrate import migrate
from plugin.store.people import Purpose, Role
from sla_rules.policy_file import DEFAULT_POLICY

TICKETS, EVENTS, LOOKS = 100_000, 300_000, 150_000
FEATURES, REQUESTED = 5_000, 15_000
REQUESTS = 60
LIMIT = 100  # ms
PAGES = {
    "overview": "/",
    "tickets": "/tickets",
    "tickets, second page": "{second}",
    "tickets of an organisation": "/tickets?organization=Partner+77",
    "tickets running of a tier": "/tickets?state=running&tier=enterprise",
    "tickets by tag": "/tickets?tag=sla_manual",
    "tickets by number": "/tickets?text=4242",
    "tickets, nothing found": "/tickets?organization=Nobody&kind=question",
    "tickets of a vendor, breached": "/tickets?vendor=freshdesk&state=breached",
    "ticket": "/tickets/acme-zendesk/50000",
    "deliveries": "/deliveries",
    "deliveries of a ticket": "/deliveries?ticket=50000",
    "deliveries of an account": "/deliveries?connection=acme-freshdesk&outcome=duplicate",
    "dead letters": "/deliveries/set-aside",
    "connections": "/connections",
    "connection": "/connections/acme-zendesk",
    "people": "/people",
    "audit": "/actions",
    "policy": "/policy",
    "policy, try a message": "/policy/test",
    "policy, new version": "/policy/new",
    "features": "/features",
    "features by title": "/features?text=title+42",
    "feature": "/features/77",
    "features, review": "/features/review",
    "reports": "/reports",
    "reports of half a year": "/reports?from={half_a_year_ago}",
    "reports by organisation": "/reports?by=organization",
    "tokens": "/tokens",
}
CHECKS = 5  # checks of a new policy

FILL = """
truncate tickets, inbox, audit_entries, dead_letters, admin_actions, connections, people,
    feature_requests, feature_events, features, api_tokens restart identity cascade;
insert into tickets (
    connection, ticket_id, memory, decision, organization_id, organization_name, kind, tier, state,
    starts_at, due_at, updated_at, url, exclusion, commitment, response_at, response_after, schedule
)
select
    case when n % 3 = 0 then 'acme-freshdesk' else 'acme-zendesk' end, n::text,
    jsonb_build_object('overrides', '[]'::jsonb),
    jsonb_build_object(
        'id', n::text, 'kind', 'error_report', 'tier', tier, 'priority', 'high',
        'policy', jsonb_build_object('name', 'regiondo', 'version', '2026-11-01'),
        'add_tags', case
            when n % 97 = 0 then '["sla_manual", "sla_starter", "sla_priority_normal"]'::jsonb
            when n % 89 = 0 then '["sla_tier_unknown", "sla_starter"]'::jsonb
            when n % 83 = 0 then '["feature_request_candidate", "sla_starter"]'::jsonb
            when n % 79 = 0 then '["sla_no_email", "sla_starter"]'::jsonb
            when n % 71 = 0 then '["sla_at_risk", "sla_enterprise"]'::jsonb
            else '["it_escalation", "sla_enterprise", "sla_priority_high"]'::jsonb end,
        'reasons', (select jsonb_agg(jsonb_build_object('rule', 'set_deadline', 'text',
            'Enterprise: first response within 4 h of business time.', 'clause', '1'))
            from generate_series(1, 8))
    ),
    (n % 800)::text, 'Partner ' || (n % 800),
    (array['error_report', 'error_report', 'question', 'feature_request'])[n % 4 + 1], tier,
    case when at > now() - interval '2 days' then 'open'
         when tier = 'free' then 'best_effort'
         when n % 20 = 0 then 'breached' when n % 33 = 0 then 'cancelled'
         when n % 25 = 0 then null else 'met' end,
    at, at + interval '1 day', at + interval '1 hour', 'https://acme.zendesk.com/tickets/' || n,
    case when n % 25 = 0 then 'feature_request' end,
    case when tier = 'free' then 'best_effort' else 'guaranteed' end,
    case when at < now() - interval '2 days' then at + interval '3 hours' end,
    case when at < now() - interval '2 days' then interval '2 hours' end, 'support'
from (
    select n, (array['enterprise', 'advanced', 'starter', 'free'])[n % 4 + 1] as tier,
        now() - (interval '180 days' * n / %(tickets)s) as at
    from generate_series(1, %(tickets)s) n
) as made;
insert into inbox (connection, ticket_id, name, received_at, outcome)
select case when n % %(tickets)s % 3 = 0 then 'acme-freshdesk' else 'acme-zendesk' end,
    (n % %(tickets)s + 1)::text, 'comment_added', now() - (interval '90 days' * n / %(events)s),
    case when n % 50 = 0 then 'duplicate' else 'accepted' end
from generate_series(1, %(events)s) n;
insert into audit_entries (connection, ticket_id, at, outcome, patch, calls)
select case when n % %(tickets)s % 3 = 0 then 'acme-freshdesk' else 'acme-zendesk' end,
    (n % %(tickets)s + 1)::text, now() - (interval '90 days' * n / %(looks)s),
    case when n % 200 = 0 then 'failed' when n % 2 = 0 then 'applied' else 'no_change' end,
    '{"add_tags": ["sla_enterprise"]}', 3
from generate_series(1, %(looks)s) n;
insert into dead_letters (connection, ticket_id, reason, error, times, first_at, last_at)
select 'acme-zendesk', n::text, 'rejected', 'Zendesk 422 on ticket ' || n, 3, now(), now()
from generate_series(1, 500) n;
insert into admin_actions (at, email, action, subject, detail, status)
select now(), 'anna@example.com', 'tickets.recheck', 'acme-zendesk/' || n, '{}', 200
from generate_series(1, 20000) n;
insert into features (title, created_at)
select 'A title ' || n || ' of a wish that shares its words with all others', now()
from generate_series(1, %(features)s) n;
update features set merged_into = id - 1 where id % 10 = 0;
insert into feature_requests (
    connection, ticket_id, organization_id, organization_name, requester_id, tier, quote, language,
    confirmed, recorded_at, feature_id
)
select 'acme-zendesk', n::text, (n % 800)::text, 'Partner ' || (n % 800), n::text,
    (array['enterprise', 'advanced', 'starter', 'free'])[n % 4 + 1],
    'It would be useful to have wish number ' || n, 'en', n % 15 <> 0, now(),
    n % %(features)s + 1
from generate_series(1, %(requested)s) n;
insert into api_tokens (token, name, made_by, made_at)
select decode(md5(n::text), 'hex'), 'program ' || n, 'anna@example.com', now()
from generate_series(1, 50) n;
"""


def main() -> int:
    """Fill, measure, print."""
    home = Path(tempfile.mkdtemp(prefix="sla-bench-"))
    home.chmod(0o755)
    server = EmbeddedPostgres(home)
    try:
        return measure(server.start())
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


def measure(url: str) -> int:
    """Return 1 where a page is too slow."""
    migrate(url)
    settings = Settings(database_url=url, secret_key="a secret of the benchmark")
    services = build_services(settings)
    fill(url, services)
    client = create_app(settings, services).test_client()
    person = services.store.people.add(
        "anna@example.com", hashed("a long enough sentence"), Role.ADMIN, services.clock()
    )
    token = services.store.people.make_link(
        Purpose.SIGN_IN, services.clock(), valid=timedelta(hours=1), person_id=person
    )
    client.get(f"/welcome/{token}")
    slow = 0
    print(
        f"{TICKETS:,} tickets, {EVENTS:,} events, {LOOKS:,} looks, {FEATURES:,} features", end="; "
    )
    print(f"{REQUESTS} requests a page")
    for name, path in PAGES.items():
        took = sorted(request(client, path) for _ in range(REQUESTS))
        p95 = took[int(len(took) * 0.95) - 1]
        slow += p95 > LIMIT
        mark = "  too slow" if p95 > LIMIT else ""
        print(f"{name:<32} median {statistics.median(took):6.1f} ms   p95 {p95:6.1f} ms{mark}")
    check(client)
    services.store.close()
    return int(slow > 0)


def request(client, path) -> float:
    """Milliseconds until the whole page is there."""
    if path == "{second}":
        text = client.get("/tickets").text
        path = text.partition('<nav class="pager"')[2].partition('href="')[2].partition('"')[0]
        path = path.replace("&amp;", "&")
    path = path.replace("{half_a_year_ago}", f"{datetime.now(UTC) - timedelta(days=182):%Y-%m-%d}")
    began = time.perf_counter()
    answer = client.get(path)
    body = answer.data
    took = (time.perf_counter() - began) * 1000
    assert answer.status_code == 200, (path, answer.status_code, len(body))
    return took


def check(client) -> None:
    """Print how long the check of a new policy takes that moves every Starter deadline."""
    text = DEFAULT_POLICY.read_text("utf-8")
    changed = re.sub("^version = .*", 'version = "tried"', text, flags=re.M)
    changed = changed.replace('first_response = "8h"', 'first_response = "7h"')
    token = client.get("/policy/new").text.partition('name="csrf_token" value="')[2].split('"')[0]
    took = []
    for _ in range(CHECKS):
        began = time.perf_counter()
        answer = client.post("/policy/check", data={"csrf_token": token, "text": changed})
        took.append((time.perf_counter() - began) * 1000)
        assert answer.status_code == 200
        assert "Clocks tried: 5,000" in answer.text
    print(f"check of a new policy: median {statistics.median(took):.0f} ms over 5,000 clocks")


def fill(url, services) -> None:
    """Make the tickets and events in the database itself."""
    from connectors.base import Connection, WebhookSecret

    numbers = {
        "tickets": TICKETS,
        "events": EVENTS,
        "looks": LOOKS,
        "features": FEATURES,
        "requested": REQUESTED,
    }
    text = FILL
    for name, number in numbers.items():
        text = text.replace(f"%({name})s", str(number))
    with psycopg.connect(url, autocommit=True) as database:
        for statement in text.split(";\n"):
            if statement.strip():
                database.execute(statement.encode())
        database.execute("vacuum analyze")
    for vendor in ("zendesk", "freshdesk"):
        services.store.connections.save(
            Connection(
                key=f"acme-{vendor}",
                vendor=vendor,
                base_url=f"https://acme.{vendor}.com",
                webhook_secrets=(WebhookSecret(kid="1", value="x"),),
                settings={"public_url": "https://sla.example.com"},
            )
        )


if __name__ == "__main__":
    sys.exit(main())
