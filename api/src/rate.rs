//! How many requests an organisation may make: a window that slides, exact to the millisecond.
//!
//! A request that is let in counts for the 60 seconds behind it; one that is refused does not count. Each organisation
//! has a lock of its own, held for the time of a push; the map of all of them is only written when an organisation
//! comes that has no window. Memory: at most one entry for each request within the limit, and never more than one a
//! millisecond, of organisations that were there within a minute.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use http::{HeaderMap, HeaderName, HeaderValue, header};
use windlass_store::clock::Millis;
use windlass_store::id::OrgId;

use crate::limit;

const WINDOW_MS: Millis = 60_000;

/// The windows of all organisations, or of all of something else that is limited, for one door.
#[derive(Debug)]
pub struct Rates<Id = OrgId>(RwLock<BTreeMap<Id, Arc<Mutex<Window>>>>);

impl<Id> Default for Rates<Id> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

/// What a request came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Requests that may be made in 60 seconds.
    pub limit: u32,
    /// How many more may be made now.
    pub remaining: u32,
    /// When all of the window will have passed, in seconds since the Unix epoch.
    pub reset_s: u64,
    /// `None` if the request is let in; else the seconds until one would be, at least 1.
    pub retry_after_s: Option<u64>,
}

impl<Id: Copy + Ord> Rates<Id> {
    /// Lets a request of `who` in, or refuses it. `None` without a limit.
    pub fn take(&self, who: Id, limit: Option<u32>, now: Millis) -> Option<Taken> {
        let limit = limit?;
        let window = self.window(who, now);
        let mut window = window.lock().unwrap_or_else(PoisonError::into_inner);
        Some(window.take(limit, now))
    }

    fn window(&self, who: Id, now: Millis) -> Arc<Mutex<Window>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&who).cloned();
        known.unwrap_or_else(|| {
            let mut windows = self.0.write().unwrap_or_else(PoisonError::into_inner);
            if windows.len() >= limit::RATE_WINDOWS_TIDY {
                // One that somebody holds at this moment is in use.
                windows.retain(|_, window| {
                    Arc::strong_count(window) > 1 || !window.lock().is_ok_and(|window| window.is_over(now))
                });
            }
            Arc::clone(windows.entry(who).or_default())
        })
    }
}

/// The requests of one organisation: how many came at which millisecond, oldest first.
#[derive(Debug, Default)]
struct Window {
    runs: VecDeque<(Millis, u32)>,
    used: u32,
}

impl Window {
    fn take(&mut self, limit: u32, now: Millis) -> Taken {
        self.keep_order(now);
        while let Some((_, count)) = self.runs.front().copied().filter(|(at, _)| at + WINDOW_MS <= now) {
            self.used = self.used.saturating_sub(count);
            self.runs.pop_front();
        }
        let reset_s = (now + WINDOW_MS).div_ceil(1000);
        if self.used >= limit {
            let retry_after_s = Some(self.wait_ms(limit, now).div_ceil(1000).max(1));
            return Taken { limit, remaining: 0, reset_s, retry_after_s };
        }
        let remaining = limit - self.used - 1;
        self.used += 1;
        match self.runs.back_mut() {
            Some((at, count)) if *at == now => *count += 1,
            _ => self.runs.push_back((now, 1)),
        }
        Taken { limit, remaining, reset_s, retry_after_s: None }
    }

    /// Until so many requests have left the window that one more fits.
    fn wait_ms(&self, limit: u32, now: Millis) -> Millis {
        let mut left = self.used;
        for (at, count) in &self.runs {
            left = left.saturating_sub(*count);
            if left < limit {
                return (at + WINDOW_MS).saturating_sub(now);
            }
        }
        WINDOW_MS
    }

    /// A clock that was set back would otherwise shut an organisation out until it comes by again: what was noted moves
    /// with it, as if no time had passed.
    fn keep_order(&mut self, now: Millis) {
        let Some(ahead) = self.newest().and_then(|newest| newest.checked_sub(now)).filter(|ahead| *ahead > 0) else {
            return;
        };
        for (at, _) in &mut self.runs {
            *at = at.saturating_sub(ahead);
        }
    }

    fn newest(&self) -> Option<Millis> {
        self.runs.back().map(|(at, _)| *at)
    }

    fn is_over(&self, now: Millis) -> bool {
        self.newest().is_none_or(|newest| newest + WINDOW_MS <= now)
    }
}

impl Taken {
    /// Whether the request is let in.
    pub fn is_let_in(&self) -> bool {
        self.retry_after_s.is_none()
    }

    /// Tells it in the headers of an answer.
    pub fn stamp(&self, headers: &mut HeaderMap) {
        let names = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"].map(HeaderName::from_static);
        let values = [u64::from(self.limit), u64::from(self.remaining), self.reset_s];
        headers.extend(names.into_iter().zip(values.map(HeaderValue::from)));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORG: OrgId = OrgId([1; 16]);

    fn taken(rates: &Rates, limit: u32, now: Millis) -> (u32, Option<u64>) {
        let taken = rates.take(ORG, Some(limit), now).unwrap();
        (taken.remaining, taken.retry_after_s)
    }

    #[test]
    fn the_window_slides_to_the_millisecond() {
        let rates = Rates::default();
        assert_eq!(taken(&rates, 3, 1_000), (2, None));
        assert_eq!(taken(&rates, 3, 21_000), (1, None));
        assert_eq!(taken(&rates, 3, 41_000), (0, None));
        assert_eq!(taken(&rates, 3, 60_999), (0, Some(1)));
        assert_eq!(taken(&rates, 3, 61_000), (0, None), "the first has left");
        assert_eq!(taken(&rates, 3, 61_000), (0, Some(20)));
        assert_eq!(taken(&rates, 3, 200_000), (2, None), "all have left");
    }

    #[test]
    fn a_refused_request_does_not_count() {
        let rates = Rates::default();
        assert_eq!(taken(&rates, 1, 0), (0, None));
        for now in (0..60_000).step_by(100) {
            assert_eq!(taken(&rates, 1, now).1, Some((60_000 - now).div_ceil(1000)), "{now}");
        }
        assert_eq!(taken(&rates, 1, 60_000), (0, None));
    }

    #[test]
    fn headers_tell_the_window() {
        let rates = Rates::default();
        let mut headers = HeaderMap::new();
        rates.take(ORG, Some(1), 1_500).unwrap().stamp(&mut headers);
        assert_eq!(headers["x-ratelimit-limit"], "1");
        assert_eq!(headers["x-ratelimit-remaining"], "0");
        assert_eq!(headers["x-ratelimit-reset"], "62");
        assert!(!headers.contains_key("retry-after"));
        rates.take(ORG, Some(1), 1_500).unwrap().stamp(&mut headers);
        assert_eq!(headers["retry-after"], "60");
    }

    #[test]
    fn organisations_have_windows_of_their_own() {
        let rates = Rates::default();
        assert_eq!(taken(&rates, 1, 0), (0, None));
        assert!(rates.take(OrgId([2; 16]), Some(1), 0).unwrap().is_let_in());
        assert!(rates.take(OrgId([3; 16]), None, 0).is_none());
    }

    #[test]
    fn a_lower_limit_waits_for_all_that_is_too_much() {
        let rates = Rates::default();
        for now in [0, 1_000, 2_000, 3_000] {
            assert_eq!(taken(&rates, 10, now).1, None);
        }
        assert_eq!(taken(&rates, 2, 3_000), (0, Some(59)));
        assert_eq!(taken(&rates, 0, 3_000), (0, Some(60)));
    }

    #[test]
    fn a_clock_that_is_set_back_shuts_nobody_out() {
        let rates = Rates::default();
        assert_eq!(taken(&rates, 2, 10_000_000), (1, None));
        assert_eq!(taken(&rates, 2, 5_000_000), (0, None));
        assert_eq!(taken(&rates, 2, 5_000_000), (0, Some(60)));
        assert_eq!(taken(&rates, 2, 5_060_000), (1, None));
    }

    #[test]
    fn memory_is_bounded_by_milliseconds_and_by_who_was_there() {
        let mut window = Window::default();
        for n in 0..200_000_u64 {
            window.take(u32::MAX, n / 2);
        }
        assert!(window.runs.len() <= 60_000, "{}", window.runs.len());
        assert_eq!(window.used, 2 * u32::try_from(window.runs.len()).unwrap());
        let rates = Rates::default();
        for n in 0..500_u64 {
            let org = OrgId(u128::from(n).to_be_bytes());
            rates.take(org, Some(10), n * 30_000).unwrap();
        }
        assert!(rates.0.read().unwrap().len() <= limit::RATE_WINDOWS_TIDY + 1);
    }

    #[test]
    fn many_threads_never_pass_the_limit_together() {
        let rates = Rates::default();
        let let_in: usize = std::thread::scope(|scope| {
            let worker = || (0..1_000).filter(|_| rates.take(ORG, Some(777), 5).unwrap().is_let_in()).count();
            let workers: Vec<_> = (0..8).map(|_| scope.spawn(worker)).collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).sum()
        });
        assert_eq!(let_in, 777);
    }
}
