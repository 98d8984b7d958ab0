//! What a store that acknowledges early may forget: the latest writes. What is left must be what some moment left behind:
//! for each client its first writes up to one, and for all of them together a cut through one order of commits.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Keys and the ETags of what is in them.
pub type State = BTreeMap<String, String>;

/// What a write does to a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Puts something with that ETag under the key.
    Put(String, String),
    /// Puts under the second key what is under the first.
    Copy(String, String),
    /// Removes the key.
    Delete(String),
}

impl Act {
    /// Does it.
    pub fn apply(&self, state: &mut State) {
        match self {
            Act::Put(key, etag) => drop(state.insert(key.clone(), etag.clone())),
            Act::Copy(from, to) => {
                if let Some(etag) = state.get(from).cloned() {
                    state.insert(to.clone(), etag);
                }
            }
            Act::Delete(key) => drop(state.remove(key)),
        }
    }
}

/// A write of a client that waits for each answer before the next.
#[derive(Debug, Clone)]
pub struct Write {
    /// What it does.
    pub act: Act,
    /// When it was sent.
    pub sent: Instant,
    /// When its answer came; `None` where none came, which can be the last write only.
    pub acknowledged: Option<Instant>,
}

/// What one client wrote, in its order. No other client writes to its keys.
pub type Log = Vec<Write>;

/// How many writes of the log may have been kept, given what is seen: usually one number, several where the writes between them
/// leave the same state, none where no prefix of the log leaves what is seen.
pub fn prefixes(log: &[Write], seen: &State) -> Vec<usize> {
    let mut state = State::new();
    let mut found = Vec::new();
    for kept in 0..=log.len() {
        if state == *seen {
            found.push(kept);
        }
        if let Some(write) = log.get(kept) {
            write.act.apply(&mut state);
        }
    }
    found
}

/// What a cut did to all clients together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lost {
    /// Acknowledged writes.
    pub acknowledged: usize,
    /// Those of them that are gone.
    pub lost: usize,
    /// How long before the cut the oldest of them was acknowledged.
    pub oldest: Duration,
}

/// Holds all logs against what is seen of each. The error is why no moment before `cut` can have left it.
pub fn judge(logs: &[(Log, State)], cut: Instant) -> Result<Lost, String> {
    let mut kept = Vec::new();
    for (n, (log, seen)) in logs.iter().enumerate() {
        let all = prefixes(log, seen);
        let (Some(least), Some(most)) = (all.first(), all.last()) else {
            return Err(format!("no prefix of the {} writes of client {n} leaves what is there: {seen:?}", log.len()));
        };
        kept.push((*least, *most));
    }
    let mut sum = Lost::default();
    for (n, ((log, _), (_, most))) in logs.iter().zip(&kept).enumerate() {
        for (m, ((other, _), (least, _))) in logs.iter().zip(&kept).enumerate() {
            // What was acknowledged before another write was sent was committed before it.
            let Some(last) = least.checked_sub(1).and_then(|last| other.get(last)) else { continue };
            let before = log.iter().filter(|write| write.acknowledged.is_some_and(|at| at < last.sent)).count();
            if before > *most {
                return Err(format!(
                    "client {n} lost its write {most}, which was acknowledged before client {m} sent its write {}, which is there",
                    least - 1
                ));
            }
        }
        let answered: Vec<Instant> = log.iter().filter_map(|write| write.acknowledged).collect();
        sum.acknowledged += answered.len();
        sum.lost += answered.len().saturating_sub(*most);
        let oldest = answered.get(*most).map_or(Duration::ZERO, |at| cut.saturating_duration_since(*at));
        sum.oldest = sum.oldest.max(oldest);
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: &str, etag: &str) -> Act {
        Act::Put(key.to_owned(), etag.to_owned())
    }

    /// Writes that were sent and acknowledged at these seconds.
    fn log(began: Instant, writes: &[(Act, u64, Option<u64>)]) -> Log {
        let at = |seconds: u64| began + Duration::from_secs(seconds);
        let write = |(act, sent, acknowledged): &(Act, u64, Option<u64>)| Write {
            act: act.clone(),
            sent: at(*sent),
            acknowledged: acknowledged.map(at),
        };
        writes.iter().map(write).collect()
    }

    fn state(rows: &[(&str, &str)]) -> State {
        rows.iter().map(|(key, etag)| ((*key).to_owned(), (*etag).to_owned())).collect()
    }

    #[test]
    fn a_state_is_left_by_the_prefixes_that_lead_to_it() {
        let copy = Act::Copy("a".to_owned(), "b".to_owned());
        let acts = [put("a", "1"), copy, put("a", "2"), Act::Delete("a".to_owned()), Act::Delete("a".to_owned())];
        let writes: Vec<_> = (0..).zip(acts).map(|(n, act)| (act, 2 * n, Some(2 * n + 1))).collect();
        let log = log(Instant::now(), &writes);
        assert_eq!(prefixes(&log, &state(&[])), [0]);
        assert_eq!(prefixes(&log, &state(&[("a", "1"), ("b", "1")])), [2]);
        assert_eq!(prefixes(&log, &state(&[("b", "1")])), [4, 5]);
        assert_eq!(prefixes(&log, &state(&[("a", "2")])), [0; 0], "the copy before it is missing");
    }

    #[test]
    fn what_is_lost_is_counted_from_the_oldest_and_a_write_in_flight_may_be_there() {
        let began = Instant::now();
        let writes = [(put("a", "1"), 0, Some(1)), (put("b", "1"), 2, Some(3)), (put("a", "2"), 4, None)];
        let log = log(began, &writes);
        let cut = began + Duration::from_secs(10);
        let judge = |rows: &[(&str, &str)]| judge(&[(log.clone(), state(rows))], cut).unwrap();
        let lost = |lost, seconds| Lost { acknowledged: 2, lost, oldest: Duration::from_secs(seconds) };
        assert_eq!(judge(&[("a", "2"), ("b", "1")]), lost(0, 0));
        assert_eq!(judge(&[("a", "1"), ("b", "1")]), lost(0, 0));
        assert_eq!(judge(&[("a", "1")]), lost(1, 7));
        assert_eq!(judge(&[]), lost(2, 9));
    }

    #[test]
    fn a_client_may_not_lose_what_was_acknowledged_before_another_sent_what_is_kept() {
        let began = Instant::now();
        let first = log(began, &[(put("a", "1"), 0, Some(1))]);
        let cut = began + Duration::from_secs(10);
        for (sent, allowed) in [(2, false), (0, true)] {
            let second = log(began, &[(put("b", "1"), sent, Some(3))]);
            let kept = [(first.clone(), state(&[])), (second, state(&[("b", "1")]))];
            assert_eq!(judge(&kept, cut).is_ok(), allowed);
        }
    }
}
