//! Counters of requests: by door, method and class of status, and how long they took by door.

use std::time::Duration;

use http::Method;

use super::Counter;
use crate::door::Kind;

/// Methods that are told apart; every other one is counted as the last.
pub(super) const METHODS: [&str; 7] = ["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "other"];

/// Classes of statuses; the last is a client that left before there was an answer.
pub(super) const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "none"];

/// Upper bounds of the histogram's buckets, in seconds; above the last there is one more.
pub(super) const SECONDS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 10.0, 60.0];

/// How long requests took, until their answers' last byte.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    /// Requests in each bucket alone; printing sums them up.
    pub(super) buckets: [Counter; SECONDS.len() + 1],
    pub(super) sum_us: Counter,
}

impl Histogram {
    fn observe(&self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let bucket = SECONDS.iter().position(|bound| seconds <= *bound).unwrap_or(SECONDS.len());
        if let Some(counter) = self.buckets.get(bucket) {
            counter.add(1);
        }
        self.sum_us.add(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
    }
}

/// The counters of one door.
#[derive(Debug, Default)]
pub(super) struct DoorCounters {
    /// By method, then by class.
    pub(super) requests: [[Counter; CLASSES.len()]; METHODS.len()],
    pub(super) durations: Histogram,
}

/// The counters of all requests.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    /// In the order of `Kind::ALL`.
    pub(super) doors: [DoorCounters; Kind::ALL.len()],
}

impl Requests {
    /// Counts a request that has ended; `None` if it never had a status.
    pub(crate) fn end(&self, kind: Kind, method: &Method, status: Option<u16>, duration: Duration) {
        let Some((_, door)) = Kind::ALL.iter().zip(&self.doors).find(|(of, _)| **of == kind) else { return };
        let method = METHODS.iter().position(|name| *name == method.as_str()).unwrap_or(METHODS.len() - 1);
        let class = status.map_or(CLASSES.len() - 1, |status| usize::from(status / 100).saturating_sub(1));
        if let Some(counter) = door.requests.get(method).and_then(|classes| classes.get(class)) {
            counter.add(1);
        }
        door.durations.observe(duration);
    }

    /// All of these together.
    pub(super) fn sum<'a>(all: impl Iterator<Item = &'a Self>) -> Self {
        let sum = Self::default();
        for one in all {
            for (to, from) in sum.counters().zip(one.counters()) {
                to.add(from.get());
            }
        }
        sum
    }

    fn counters(&self) -> impl Iterator<Item = &Counter> {
        self.doors.iter().flat_map(|door| {
            let durations = door.durations.buckets.iter().chain([&door.durations.sum_us]);
            door.requests.iter().flatten().chain(durations)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_add_up() {
        let all = [Requests::default(), Requests::default()];
        for (one, status) in all.iter().zip([Some(200), None]) {
            one.end(Kind::Json, &Method::GET, Some(204), Duration::from_millis(3));
            one.end(Kind::Kv, &Method::PUT, status, Duration::from_millis(3));
        }
        let sum = Requests::sum(all.iter());
        let of = |door: usize, method: usize, class: usize| sum.doors[door].requests[method][class].get();
        assert_eq!((of(1, 0, 1), of(2, 2, 1), of(2, 2, 5), of(0, 0, 1)), (2, 1, 1, 0));
        assert_eq!((sum.doors[2].durations.buckets[3].get(), sum.doors[2].durations.sum_us.get()), (2, 6_000));
    }
}
