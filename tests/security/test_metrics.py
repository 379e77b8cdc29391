"""The metrics tell what happened, to those who may ask, and name nobody."""

from plugin.app import create_app
from plugin.settings import Settings


def test_the_metrics_count_deliveries_and_show_the_queue(service):
    client = service.app.test_client()
    client.post("/webhooks/zendesk/zendesk", json={"ticket_id": 7})
    text = client.get("/metrics").text
    assert 'sla_deliveries_total{result="unverified",vendor="zendesk"}' in text
    for name in (
        "sla_webhook_seconds_bucket",
        "sla_event_to_write_seconds_bucket",
        "sla_database_up 1.0",
        "sla_failed_jobs 0.0",
        "sla_dead_letters 0.0",
        "sla_overdue_looks 0.0",
        "sla_waiting_notices 0.0",
    ):
        assert name in text


def test_a_waiting_job_shows_in_its_lane_with_its_age(service):
    service.services.store.inbox.look_again("zendesk", "7", attempt=1, wait=0)
    service.database.execute("update procrastinate_events set at = now() - interval '90 seconds'")
    text = service.app.test_client().get("/metrics").text
    assert 'sla_queue_jobs{lane="retry",queue="tickets"} 1.0' in text
    ages = [line for line in text.splitlines() if line.startswith("sla_queue_age_seconds{")]
    assert 90 <= float(ages[0].split()[-1]) < 150


def test_only_this_machine_or_the_token_may_read_them(service):
    settings = Settings(database_url="postgresql://x@127.0.0.1:1/x", secret_key="k")
    open_ = create_app(settings, service.services).test_client()
    far = {"REMOTE_ADDR": "198.51.100.7"}
    assert open_.get("/metrics").status_code == 200
    assert open_.get("/metrics", environ_base=far).status_code == 403
    assert open_.get("/metrics", headers={"Host": "sla.example.com"}).status_code == 403
    assert open_.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 403
    closed = create_app(settings.model_copy(update={"console_token": "t"}), service.services)
    assert closed.test_client().get("/metrics").status_code == 403
    bearer = {"Authorization": "Bearer t"}
    assert closed.test_client().get("/metrics", headers=bearer).status_code == 200


def test_readiness_tells_the_queue_s_age_and_a_database_that_is_gone(service):
    ready = service.app.test_client().get("/readyz")
    assert ready.status_code == 200
    assert ready.json["queue_age_seconds"] == 0
