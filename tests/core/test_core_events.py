from datetime import UTC, datetime

from muelle.core import Event, EventId, TenantId

_AT = datetime(2026, 1, 2, 3, 4, 5, 600_000, tzinfo=UTC)


def test_an_event_is_a_cloud_event_with_its_tenant() -> None:
    event = Event(
        EventId("event_1"), "run.finished", "/runs", TenantId("tenant_1"), _AT, "run_1", {"status": "success"}
    )
    assert event.cloud_event() == {
        "specversion": "1.0",
        "id": "event_1",
        "type": "run.finished",
        "source": "/runs",
        "time": "2026-01-02T03:04:05.600000Z",
        "datacontenttype": "application/json",
        "tenant": "tenant_1",
        "subject": "run_1",
        "data": {"status": "success"},
    }


def test_an_event_without_a_subject_leaves_it_out() -> None:
    # CloudEvents 1.0: if present, subject must be a non-empty string.
    event = Event(EventId("event_1"), "run.finished", "/runs", TenantId("tenant_1"), _AT)
    assert "subject" not in event.cloud_event()
