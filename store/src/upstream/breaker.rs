//! The circuit breaker: an upstream that fails again and again is left alone for a while, so that requests for it are
//! answered at once instead of after their timeouts, and it is not held down by what it cannot serve.
//!
//! Closed, everything passes; after `BREAKER_FAILURES` in a row it opens, and nothing does. When its delay has passed one
//! request goes through as a probe: if that is answered the breaker closes, otherwise it opens again for about twice as
//! long. A request that was let through before the breaker changed says nothing about how it is now.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock::{self, Clock, Millis};
use crate::error::{Error, ErrorKind, Result};
use crate::limit::{BREAKER_DELAY_MS, BREAKER_DELAY_MS_MAX, BREAKER_FAILURES};

/// How a request to an upstream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered, whatever the answer.
    Answered,
    /// It was not, or with an error of the upstream's own.
    Failed,
}

impl Outcome {
    /// What an answer of that status means: 5xx is the upstream's own failure, but for 501, which is about the request.
    pub fn of_status(status: u16) -> Self {
        if status >= 500 && status != 501 { Self::Failed } else { Self::Answered }
    }
}

/// Whether requests pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// They do.
    Closed,
    /// One does, as a probe.
    HalfOpen,
    /// None does.
    Open,
}

impl BreakerState {
    /// Its name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half-open",
            Self::Open => "open",
        }
    }
}

/// What a breaker has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakerCounters {
    /// The upstream, as its operator knows it.
    pub upstream: String,
    /// Whether requests pass now.
    pub state: BreakerState,
    /// Requests let through.
    pub requests: u64,
    /// Those that failed.
    pub failures: u64,
    /// Requests that were refused here.
    pub refused: u64,
    /// Times it opened.
    pub opened: u64,
}

/// The breaker of one upstream. Its clones are one.
#[derive(Clone)]
pub struct Breaker(Arc<Inner>);

struct Inner {
    upstream: String,
    clock: Arc<dyn Clock>,
    circuit: Mutex<Circuit>,
    requests: AtomicU64,
    failures: AtomicU64,
    refused: AtomicU64,
    opened: AtomicU64,
}

struct Circuit {
    phase: Phase,
    /// Counts the changes of phase: a permit of an earlier one changes nothing.
    turn: u64,
    /// How long it stays open the next time.
    delay_ms: u64,
}

enum Phase {
    Closed { failures: u32 },
    HalfOpen,
    Open { since: Millis, until: Millis },
}

/// A request that was let through. Dropped before its outcome is known, it counts as neither; a probe makes way for another.
#[must_use = "the breaker learns from the outcome"]
pub struct Permit {
    breaker: Breaker,
    turn: u64,
    is_told: bool,
}

impl Breaker {
    /// A closed breaker of the upstream that is called so.
    pub fn new(upstream: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        let circuit = Circuit { phase: Phase::Closed { failures: 0 }, turn: 0, delay_ms: BREAKER_DELAY_MS };
        Self(Arc::new(Inner {
            upstream: upstream.into(),
            clock,
            circuit: Mutex::new(circuit),
            requests: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            opened: AtomicU64::new(0),
        }))
    }

    /// Lets a request through, or refuses it with `UpstreamUnavailable`.
    pub fn admit(&self) -> Result<Permit> {
        let now = self.0.clock.now();
        let mut circuit = self.circuit();
        let passes = match circuit.phase {
            Phase::Closed { .. } => true,
            Phase::HalfOpen => false,
            // A clock that was set back must not keep it open.
            Phase::Open { since, until } => now >= until || now < since,
        };
        if !passes {
            drop(circuit);
            self.0.refused.fetch_add(1, Ordering::Relaxed);
            return Err(self.refusal());
        }
        if !matches!(circuit.phase, Phase::Closed { .. }) {
            circuit.enter(Phase::HalfOpen);
        }
        let turn = circuit.turn;
        drop(circuit);
        self.0.requests.fetch_add(1, Ordering::Relaxed);
        Ok(Permit { breaker: self.clone(), turn, is_told: false })
    }

    /// What it has seen, and how it is now.
    pub fn counters(&self) -> BreakerCounters {
        let state = match self.circuit().phase {
            Phase::Closed { .. } => BreakerState::Closed,
            Phase::HalfOpen => BreakerState::HalfOpen,
            Phase::Open { .. } => BreakerState::Open,
        };
        let Inner { upstream, requests, failures, refused, opened, .. } = &*self.0;
        let [requests, failures, refused, opened] =
            [requests, failures, refused, opened].map(|count| count.load(Ordering::Relaxed));
        BreakerCounters { upstream: upstream.clone(), state, requests, failures, refused, opened }
    }

    fn circuit(&self) -> MutexGuard<'_, Circuit> {
        self.0.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refusal(&self) -> Error {
        let upstream = &self.0.upstream;
        let message =
            format!("The upstream {upstream} has failed repeatedly and is left alone for a while. Please try again.");
        Error::new(ErrorKind::UpstreamUnavailable, message)
    }

    /// Learns how a request of that turn ended; `None` if nobody knows.
    fn learn(&self, turn: u64, outcome: Option<Outcome>) {
        if outcome == Some(Outcome::Failed) {
            self.0.failures.fetch_add(1, Ordering::Relaxed);
        }
        let mut circuit = self.circuit();
        if circuit.turn != turn {
            return;
        }
        match (&mut circuit.phase, outcome) {
            (Phase::Closed { failures }, Some(Outcome::Failed)) => {
                *failures += 1;
                if *failures >= BREAKER_FAILURES {
                    self.open(&mut circuit);
                }
            }
            (Phase::Closed { failures }, Some(Outcome::Answered)) => *failures = 0,
            (Phase::HalfOpen, Some(Outcome::Failed)) => self.open(&mut circuit),
            (Phase::HalfOpen, Some(Outcome::Answered)) => {
                circuit.delay_ms = BREAKER_DELAY_MS;
                circuit.enter(Phase::Closed { failures: 0 });
                tracing::info!(upstream = %self.0.upstream, "an upstream answers again");
            }
            (Phase::HalfOpen, None) => {
                let now = self.0.clock.now();
                circuit.enter(Phase::Open { since: now, until: now });
            }
            (Phase::Closed { .. } | Phase::Open { .. }, _) => {}
        }
    }

    fn open(&self, circuit: &mut Circuit) {
        let since = self.0.clock.now();
        let delay_ms = jittered(circuit.delay_ms);
        circuit.delay_ms = circuit.delay_ms.saturating_mul(2).min(BREAKER_DELAY_MS_MAX);
        circuit.enter(Phase::Open { since, until: since.saturating_add(delay_ms) });
        self.0.opened.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(upstream = %self.0.upstream, delay_ms, "an upstream fails; it is left alone for a while");
    }
}

impl Circuit {
    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.turn += 1;
    }
}

impl Permit {
    /// Tells how the request ended.
    pub fn done(mut self, outcome: Outcome) {
        self.is_told = true;
        self.breaker.learn(self.turn, Some(outcome));
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.is_told {
            self.breaker.learn(self.turn, None);
        }
    }
}

impl std::fmt::Debug for Breaker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Breaker").field(&self.counters()).finish()
    }
}

/// Between three and five quarters of a delay, so that gateways do not probe in step.
fn jittered(delay_ms: u64) -> u64 {
    let random = clock::random::<2>().map_or(0, u16::from_be_bytes);
    delay_ms - delay_ms / 4 + delay_ms / 2 * u64::from(random) / u64::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    fn breaker() -> (Breaker, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::at(1_000_000));
        (Breaker::new("s3.example.com", Arc::clone(&clock) as Arc<dyn Clock>), clock)
    }

    fn fail(breaker: &Breaker, times: u32) {
        for _ in 0..times {
            breaker.admit().unwrap().done(Outcome::Failed);
        }
    }

    fn state(breaker: &Breaker) -> BreakerState {
        breaker.counters().state
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_no_sooner() {
        let (breaker, _) = breaker();
        fail(&breaker, BREAKER_FAILURES - 1);
        breaker.admit().unwrap().done(Outcome::Answered);
        fail(&breaker, BREAKER_FAILURES - 1);
        assert_eq!(state(&breaker), BreakerState::Closed);
        fail(&breaker, 1);
        assert_eq!(state(&breaker), BreakerState::Open);
        let refused = breaker.admit().map(drop).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::UpstreamUnavailable);
        assert!(refused.message().contains("s3.example.com"), "{refused}");
        let counters = breaker.counters();
        let (requests, failures) = (u64::from(2 * BREAKER_FAILURES), u64::from(2 * BREAKER_FAILURES - 1));
        assert_eq!(
            (counters.requests, counters.failures, counters.refused, counters.opened),
            (requests, failures, 1, 1)
        );
    }

    #[test]
    fn one_probe_goes_through_and_closes_it() {
        let (breaker, clock) = breaker();
        fail(&breaker, BREAKER_FAILURES);
        clock.set(1_000_000 + 2 * BREAKER_DELAY_MS);
        let probe = breaker.admit().unwrap();
        assert_eq!(state(&breaker), BreakerState::HalfOpen);
        assert!(breaker.admit().is_err(), "a second request passed beside the probe");
        probe.done(Outcome::Answered);
        assert_eq!(state(&breaker), BreakerState::Closed);
        breaker.admit().unwrap().done(Outcome::Answered);
    }

    #[test]
    fn a_probe_that_fails_opens_it_for_longer_up_to_a_limit() {
        let (breaker, clock) = breaker();
        fail(&breaker, BREAKER_FAILURES);
        let mut now = 1_000_000;
        let mut waits = Vec::new();
        for _ in 0..12 {
            let opened = now;
            while breaker.admit().map(|probe| probe.done(Outcome::Failed)).is_err() {
                now += BREAKER_DELAY_MS / 10;
                clock.set(now);
            }
            waits.push(now - opened);
        }
        assert!(waits[0] < 2 * BREAKER_DELAY_MS && waits[3] > 4 * BREAKER_DELAY_MS, "{waits:?}");
        assert!(waits.iter().all(|wait| *wait < 2 * BREAKER_DELAY_MS_MAX), "{waits:?}");
    }

    #[test]
    fn a_probe_that_nobody_waits_for_makes_way_for_another() {
        let (breaker, clock) = breaker();
        fail(&breaker, BREAKER_FAILURES);
        clock.set(1_000_000 + 2 * BREAKER_DELAY_MS);
        drop(breaker.admit().unwrap());
        breaker.admit().unwrap().done(Outcome::Answered);
        assert_eq!(state(&breaker), BreakerState::Closed);
    }

    #[test]
    fn what_was_let_through_before_it_opened_changes_nothing_after() {
        let (breaker, _) = breaker();
        let early = breaker.admit().unwrap();
        fail(&breaker, BREAKER_FAILURES);
        early.done(Outcome::Answered);
        assert_eq!(state(&breaker), BreakerState::Open);
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_keep_it_open() {
        let (breaker, clock) = breaker();
        fail(&breaker, BREAKER_FAILURES);
        clock.set(5);
        breaker.admit().unwrap().done(Outcome::Answered);
    }

    #[test]
    fn only_failures_of_the_upstream_itself_count() {
        for (status, outcome) in
            [(200, Outcome::Answered), (404, Outcome::Answered), (501, Outcome::Answered), (503, Outcome::Failed)]
        {
            assert_eq!(Outcome::of_status(status), outcome, "{status}");
        }
    }
}
