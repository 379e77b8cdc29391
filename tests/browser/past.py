"""A past for the pages: tickets of the last days, judged by the real rules and kept as looks do."""

from datetime import timedelta

from plugin.store import AuditEntry, tables
from sla_rules.engine import NO_MEMORY, decide
from sla_rules.memory import remember
from sla_rules.patch import patch_for
from sla_rules.ticket import Channel, Organization, Requester, Ticket, Traits

PARTNERS = (
    ("Alpenrausch Touren", "Enterprise"),
    ("Provence à Vélo", "Avancé"),
    ("Harbour Kayaks", "Starter"),
    ("Kletterhalle Nord", "Gratuit"),
    ("Zip Forest", "Enterprise"),
    ("Bateaux du Lac", "Avancé"),
    ("Weingut Sonnhof", None),
)
BODIES = (
    "Le paiement ne fonctionne plus, erreur 500 à chaque réservation.",
    "Die Rechnungen werden falsch berechnet, bitte prüfen.",
    "How do I change the opening times of a tour?",
    "",  # a wish
    "The booking page is down, nobody can book.",
)
WISHES = (
    "It would be really useful if Regiondo could export bookings as CSV.",
    "Ce serait génial si Regiondo pouvait exporter les réservations vers Excel.",
    "Wäre es möglich, Gutscheine im Kalender anzuzeigen?",
    "It would be really useful if Regiondo could export bookings as an Excel file.",
    "Could you please add a button to refund vouchers?",
    "The checkout shows an error. It would be useful if Regiondo could export the calendar.",
)


def remember_a_week(services, names, *, count=60, first=9001):
    """Keep `count` tickets that began in the last ten days; most were answered, some late."""
    now = services.clock()
    policy = services.policies().current(now)
    schedule = next(iter(policy.schedules.values())).schedule
    _remember_events(services, names, now)
    for number in range(count):
        vendor = ("zendesk", "freshdesk")[number % 2]
        name, tier = PARTNERS[number % len(PARTNERS)]
        began_at = now - timedelta(minutes=37 * (number * 7 % 380) + 5)
        answered_at = schedule.add(began_at, timedelta(minutes=(number * 53) % 330 + 4))
        late = number % 9 == 0
        if late:
            answered_at = schedule.add(began_at, timedelta(hours=12))
        answered = number % 5 != 4 and answered_at < now
        ticket = Ticket(
            id=str(first + number),
            body=BODIES[number % len(BODIES)] or WISHES[number // len(BODIES) % len(WISHES)],
            subject="",
            channel=Channel.EMAIL,
            created_at=began_at,
            first_response_at=answered_at if answered else None,
            organization=Organization(id=name, name=name, tier=tier),
            requester=Requester(id=str(700 + number % 11)),
        )
        _keep(services, names[vendor], ticket, policy, now)
    for number in range(80):
        _keep_older(services, names, number, policy, now)
    _merge_same(services, now)


def _remember_events(services, names, now):
    """A day of events with the looks that followed, and the quiet of the night."""
    rows = []
    for hour in range(24):
        at = now - timedelta(hours=hour)
        busy = 5 <= at.hour <= 17
        for number in range((hour * 7 % 11 + 6) if busy else hour % 3):
            vendor = ("zendesk", "freshdesk")[number % 3 == 0]
            rows.append(
                {
                    "connection": names[vendor],
                    "ticket_id": str(9001 + number),
                    "name": ("created", "comment_added", "status_changed")[number % 3],
                    "received_at": at - timedelta(minutes=number * 3 % 60),
                }
            )
    looks = [
        {
            "connection": row["connection"],
            "ticket_id": row["ticket_id"],
            "at": row["received_at"] + timedelta(milliseconds=300 + number * 170 % 1900),
            "outcome": "no_change",
            "patch": {},
            "calls": 1,
        }
        for number, row in enumerate(rows)
        if row["received_at"] < now - timedelta(minutes=1)
    ]
    with services.store.database.transaction() as database:
        database.execute(tables.inbox.insert(), rows)
        database.execute(tables.audit_entries.insert(), looks)


def _keep_older(services, names, number, policy, now):
    """Keep a ticket of the weeks before, answered within an hour or two, now and then late."""
    schedule = next(iter(policy.schedules.values())).schedule
    name, tier = PARTNERS[number % len(PARTNERS)]
    began_at = now - timedelta(days=11 + number % 76, hours=number % 5)
    late = number % (9 if number % 76 > 45 else 19) == 0
    ticket = Ticket(
        id=str(8001 + number),
        body=BODIES[number % 2],
        subject="",
        channel=Channel.EMAIL,
        created_at=began_at,
        first_response_at=schedule.add(
            began_at, timedelta(hours=11 if late else 1, minutes=number % 50)
        ),
        organization=Organization(id=name, name=name, tier=tier),
        requester=Requester(id=str(700 + number % 11)),
    )
    _keep(services, names[("zendesk", "freshdesk")[number % 2]], ticket, policy, now)


def _merge_same(services, now):
    """Merge the features whose titles are the same, as people do in the console."""
    register, first = services.store.feature_requests, {}
    for one in sorted(register.features(), key=lambda feature: feature.id):
        kept = first.setdefault(one.title, one)
        if kept is not one:
            register.merge(one.id, kept.id, by="admin@example.com", at=now)


def _keep(services, connection, ticket, policy, now):
    looked_at = min(now, ticket.first_response_at or ticket.created_at)
    decision = decide(ticket, policy, now)
    patch = patch_for(ticket, decision, NO_MEMORY, Traits(), now)
    entry = AuditEntry(
        connection=connection,
        ticket_id=ticket.id,
        at=looked_at,
        outcome="applied",
        decision=decision.to_json(),
        patch={"add_tags": sorted(patch.add_tags)},
        calls=3,
    )
    memory = remember(NO_MEMORY, ticket, decision, patch, None)
    url = f"https://helpdesk.example/tickets/{ticket.id}"
    services.store.tickets.record(ticket, decision, lambda _, memory=memory: memory, entry, url)
