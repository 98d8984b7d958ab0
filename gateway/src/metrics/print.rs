//! Prints all counters in the Prometheus text exposition format, version 0.0.4.

use std::fmt::{Display, Write};

use windlass_store::bucket::Deletion;
use windlass_store::log::Logs;
use windlass_store::upstream::{BreakerCounters, BreakerState};
use windlass_store::usage::UsageRow;
use windlass_store::{Store, limit};

use super::requests::{CLASSES, METHODS, Requests, SECONDS};
use super::{Counter, JobCounters, Metrics, Notifications, Traffic, Webhooks};
use crate::door::Kind;
use crate::trace;

/// Buckets whose counters are printed; the others are only counted.
const BUCKETS_PRINTED_MAX: usize = 100;
/// Bytes of a page, as the kernel counts resident memory; the same on every 64-bit Linux that we build for.
const PAGE_BYTES: u64 = 4096;

/// The text of `/-/metrics`.
pub(crate) fn print(metrics: &Metrics, store: &Store, logs: &Logs) -> String {
    let mut page = Page(String::with_capacity(16 << 10));
    page.gauge("requests_running", "Requests whose answers have not ended.", metrics.running.get());
    requests(&mut page, &Requests::sum(metrics.requests.all()));
    let connections = &metrics.connections;
    page.gauge("connections", "Connections open.", connections.open.get());
    page.counter("connections_accepted_total", "Connections accepted.", connections.accepted.get());
    page.counter("accept_failures_total", "Connections that could not be accepted.", connections.accept_failures.get());
    page.counter("handshake_failures_total", "TLS handshakes that failed.", connections.handshake_failures.get());
    let bytes = |of: fn(&Traffic) -> &Counter| metrics.traffic.all().map(|traffic| of(traffic).get()).sum::<u64>();
    page.counter("received_bytes_total", "Bytes received.", bytes(|traffic| &traffic.received_bytes));
    page.counter("sent_bytes_total", "Bytes sent.", bytes(|traffic| &traffic.sent_bytes));
    page.counter("log_lines_dropped_total", "Log lines dropped because nobody read them.", trace::dropped_lines());
    jobs(&mut page, &metrics.jobs);
    notifications(&mut page, &metrics.notifications, store);
    webhooks(&mut page, &metrics.webhooks);
    request_log(&mut page, logs);
    stored(&mut page, store);
    upstreams(&mut page, store);
    buckets(&mut page, store);
    deletions(&mut page, store);
    if let Some(bytes) = resident_bytes() {
        page.gauge("process_resident_bytes", "Memory that the process takes.", bytes);
    }
    page.0
}

fn requests(page: &mut Page, requests: &Requests) {
    page.head("requests_total", "counter", "Requests answered, by door, method and class of status.");
    for (kind, door) in Kind::ALL.iter().zip(&requests.doors) {
        for (method, classes) in METHODS.iter().zip(&door.requests) {
            for (class, counter) in CLASSES.iter().zip(classes).filter(|(_, counter)| counter.get() > 0) {
                let labels = format!("door=\"{}\",method=\"{method}\",status=\"{class}\"", kind.name());
                page.line("requests_total", &labels, counter.get());
            }
        }
    }
    page.head("request_seconds", "histogram", "Time from a request's headers to its answer's last byte, by door.");
    for (kind, door) in Kind::ALL.iter().zip(&requests.doors) {
        let mut sum = 0;
        let bounds = SECONDS.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
        for (bound, counter) in bounds.zip(&door.durations.buckets) {
            sum += counter.get();
            page.line("request_seconds_bucket", &format!("door=\"{}\",le=\"{bound}\"", kind.name()), sum);
        }
        let labels = format!("door=\"{}\"", kind.name());
        page.line("request_seconds_sum", &labels, seconds(door.durations.sum_us.get()));
        page.line("request_seconds_count", &labels, sum);
    }
}

fn jobs(page: &mut Page, jobs: &[JobCounters]) {
    let mut family = |name: &str, kind: &str, help: &str, value: fn(&JobCounters) -> f64| {
        page.head(name, kind, help);
        for job in jobs {
            page.line(name, &format!("job=\"{}\"", job.name), value(job));
        }
    };
    family("job_runs_total", "counter", "Runs of a job.", |job| job.runs.get() as f64);
    family("job_failures_total", "counter", "Runs of a job that failed.", |job| job.failures.get() as f64);
    family("job_last_seconds", "gauge", "How long a job's last run took.", |job| seconds(job.last_us.get()));
}

fn notifications(page: &mut Page, counters: &Notifications, store: &Store) {
    page.counter("notifications_delivered_total", "Events that a target took.", counters.delivered.get());
    let help = "Times that a target did not take an event.";
    page.counter("notification_failures_total", help, counters.failures.get());
    let help = "Events that were given up after many attempts.";
    page.counter("notifications_given_up_total", help, counters.given_up.get());
    let (waiting, forgotten) = store.outbox().unwrap_or_default();
    page.gauge("notifications_waiting", "Events that wait to be told.", waiting);
    let help = "Events that were forgotten because too many waited.";
    page.counter("notifications_forgotten_total", help, forgotten);
}

fn webhooks(page: &mut Page, counters: &Webhooks) {
    page.counter("webhooks_delivered_total", "Webhooks that a receiver took.", counters.delivered.get());
    page.counter("webhook_failures_total", "Times that a receiver did not take a webhook.", counters.failures.get());
    page.counter("webhooks_dead_total", "Webhooks that were given up.", counters.dead.get());
}

fn request_log(page: &mut Page, logs: &Logs) {
    let counters = logs.counters();
    page.counter("request_log_recorded_total", "Requests written to the request log.", counters.recorded);
    let help = "Requests left out of the request log: there was no room, or its file failed.";
    page.counter("request_log_dropped_total", help, counters.dropped);
    page.counter("request_log_failures_total", "Failures of the request log's file.", counters.failures);
    page.gauge("request_log_queued", "Requests that wait to be written to the request log.", counters.queued);
    page.gauge("request_log_bytes", "Bytes of all logged requests, compressed.", counters.bytes);
}

fn stored(page: &mut Page, store: &Store) {
    let counters = store.counters();
    let meta = &counters.meta;
    page.counter("meta_commits_total", "Commits of metadata.", meta.commits);
    page.counter("meta_syncs_total", "Commits that reached stable storage before they returned.", meta.syncs);
    page.counter("meta_operations_total", "Operations committed.", meta.operations);
    page.counter("meta_failed_operations_total", "Operations refused or failed.", meta.failed_operations);
    page.counter("meta_rows_read_total", "Rows read.", meta.rows_read);
    page.counter("meta_rows_written_total", "Rows written.", meta.rows_written);
    page.counter("meta_bytes_written_total", "Bytes of rows written.", meta.bytes_written);
    page.counter("meta_commit_seconds_total", "Time spent in commits.", meta.commit_nanos as f64 / 1e9);
    page.counter("meta_recoveries_total", "Times the metadata was opened anew after a failure.", meta.recoveries);
    page.gauge("meta_queue_depth", "Operations that wait for the writer.", meta.queue_depth);
    page.gauge("meta_file_bytes", "Size of the metadata file.", counters.meta_file_bytes);
    page.counter("blobs_written_total", "Blobs written.", counters.blobs_written);
    page.counter("blob_bytes_written_total", "Bytes of blobs written.", counters.blob_bytes_written);
    page.counter("blobs_deleted_total", "Blobs deleted.", counters.blobs_deleted);
    let holds = store.backup_holds().map_or(0, |holds| holds.len());
    page.gauge("backup_holds", "Backups whose bytes are kept from the sweep.", holds);
    let scrub = &counters.scrub;
    page.counter("scrub_blobs_total", "Blobs and inline rows that the scrub verified.", scrub.blobs);
    page.counter("scrub_bytes_total", "Bytes that the scrub read.", scrub.bytes);
    page.counter("scrub_damaged_total", "Blobs and inline rows that the scrub found damaged.", scrub.damaged);
    page.counter("scrub_missing_total", "Blobs that the scrub found missing.", scrub.missing);
    page.gauge("latched", "1 if the metadata failed and writes are refused.", u64::from(store.is_latched()));
}

fn upstreams(page: &mut Page, store: &Store) {
    let all = store.breakers();
    let mut family = |name: &str, kind: &str, help: &str, value: fn(&BreakerCounters) -> u64| {
        page.head(name, kind, help);
        for upstream in &all {
            page.line(name, &format!("upstream=\"{}\"", upstream.upstream), value(upstream));
        }
    };
    family("upstream_requests_total", "counter", "Requests sent to an upstream.", |upstream| upstream.requests);
    let help = "Requests to an upstream that were not answered, or with a failure of its own.";
    family("upstream_failures_total", "counter", help, |upstream| upstream.failures);
    let help = "Requests to an upstream that were refused here because it had failed repeatedly.";
    family("upstream_refused_total", "counter", help, |upstream| upstream.refused);
    let help = "Times that an upstream was left alone because it failed repeatedly.";
    family("upstream_opened_total", "counter", help, |upstream| upstream.opened);
    page.head(
        "upstream_state",
        "gauge",
        "1 for whether requests to an upstream pass (closed), are tried, or are refused.",
    );
    for upstream in &all {
        for state in [BreakerState::Closed, BreakerState::HalfOpen, BreakerState::Open] {
            let labels = format!("upstream=\"{}\",state=\"{}\"", upstream.upstream, state.name());
            page.line("upstream_state", &labels, u64::from(upstream.state == state));
        }
    }
}

fn buckets(page: &mut Page, store: &Store) {
    let all = store.bucket_usage(limit::PAGE_MAX).unwrap_or_default();
    let mut family = |name: &str, help: &str, value: fn(&UsageRow) -> u64| {
        page.head(name, "gauge", help);
        for (bucket, usage) in all.iter().take(BUCKETS_PRINTED_MAX) {
            page.line(name, &format!("bucket=\"{}\"", bucket.row.name), value(usage));
        }
    };
    family("bucket_objects", "Objects in a bucket, for the first buckets.", |usage| usage.objects);
    family("bucket_bytes", "Bytes of objects in a bucket, for the first buckets.", |usage| usage.object_bytes);
    let left_out = all.len().saturating_sub(BUCKETS_PRINTED_MAX);
    page.gauge("buckets_left_out", "Buckets without lines of their own here, of the first 1,000.", left_out);
}

fn deletions(page: &mut Page, store: &Store) {
    let all = store.deletions().unwrap_or_default();
    let mut family = |name: &str, help: &str, value: fn(&Deletion) -> u64| {
        page.head(name, "gauge", help);
        for deletion in &all {
            page.line(name, &format!("bucket=\"{}\"", deletion.bucket.row.name), value(deletion));
        }
    };
    let help = "Objects that are gone from a bucket that is being deleted.";
    family("deletion_objects_removed", help, |deletion| deletion.progress.objects);
    let help = "Objects that are left in a bucket that is being deleted.";
    family("deletion_objects_left", help, |deletion| deletion.objects_left);
    page.gauge("deletions", "Buckets that are being deleted.", all.len());
}

fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

fn resident_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    statm.split(' ').nth(1)?.parse::<u64>().ok()?.checked_mul(PAGE_BYTES)
}

struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP windlass_{name} {help}\n# TYPE windlass_{name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &str, value: impl Display) {
        let _ = writeln!(self.0, "windlass_{name}{{{labels}}} {value}");
    }

    fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "counter", help);
        let _ = writeln!(self.0, "windlass_{name} {value}");
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "gauge", help);
        let _ = writeln!(self.0, "windlass_{name} {value}");
    }
}
