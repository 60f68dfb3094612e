"""What the engine measures."""

from muelle.core import Metric

HELD = Metric("muelle_engine_held_runs", "Runs that this worker advances.", "gauge")
CLAIMED = Metric("muelle_engine_claimed_total", "Runs taken from the queue.", "counter")
SUBMITTED = Metric("muelle_engine_submitted_total", "Jobs accepted, by kind.", "counter", ("kind",))
STARTED = Metric("muelle_engine_start_seconds", "From acceptance to the first step's begin.", "histogram")
PARKED = Metric("muelle_engine_parked_total", "Times that a run left memory to wait.", "counter")
RECOVERED = Metric("muelle_engine_recovered_total", "Runs taken over from dead workers.", "counter")
DEAD = Metric("muelle_engine_dead_total", "Runs given up.", "counter")
LEASES_LOST = Metric("muelle_engine_leases_lost_total", "Times that this process lost its lease.", "counter")
QUEUED = Metric("muelle_engine_jobs", "Jobs that have not ended, by queue and state.", "gauge", ("queue", "state"))
QUEUE_AGE = Metric("muelle_engine_queue_age_seconds", "How long the first job of a queue is due.", "gauge", ("queue",))
WORKERS = Metric("muelle_engine_workers", "Workers that are alive.", "gauge")
EVENTS = Metric("muelle_engine_events_total", "Events handed on, by consumer.", "counter", ("consumer",))
BATCH = Metric(
    "muelle_journal_batch_commits",
    "How many callers shared a group commit.",
    "histogram",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024),
)
COMMIT_SECONDS = Metric("muelle_journal_commit_seconds", "How long group commits took.", "histogram")
