//! What is done to key-values, whoever keeps them.

use std::future::Future;

use super::{READABLE_KEYS, VALUE_BYTES};
use crate::load::{Ask, Problem, Random};

/// What is done over and over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Stores a value under a key that is new.
    Set,
    /// Reads a value, at random.
    Get,
    /// Adds one to a counter, the same for all.
    Increment,
}

impl Kind {
    pub(super) const ALL: [Kind; 3] = [Kind::Set, Kind::Get, Kind::Increment];

    /// How it is printed.
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Set => "set",
            Kind::Get => "get",
            Kind::Increment => "increment",
        }
    }
}

/// A connection to somebody who keeps key-values.
pub(super) trait Speaker: Send + 'static {
    /// Stores a value.
    fn set(&mut self, key: &str, value: &[u8; VALUE_BYTES]) -> impl Future<Output = Result<(), Problem>> + Send;
    /// Reads a value, which has as many bytes as all have.
    fn get(&mut self, key: &str) -> impl Future<Output = Result<(), Problem>> + Send;
    /// Adds one.
    fn increment(&mut self, key: &str) -> impl Future<Output = Result<(), Problem>> + Send;
}

/// One connection's work in a round.
pub(super) struct Work<S> {
    speaker: S,
    kind: Kind,
    random: Random,
    /// The number of its next new key.
    next: u64,
}

impl<S: Speaker> Work<S> {
    /// The work of the connection of that number.
    pub(super) fn new(speaker: S, kind: Kind, round: u32, number: usize) -> Work<S> {
        let next = first_number(round, number);
        Work { speaker, kind, random: Random(next), next }
    }
}

impl<S: Speaker> Ask for Work<S> {
    async fn ask(&mut self) -> Result<(), Problem> {
        match self.kind {
            Kind::Set => {
                self.next += 1;
                self.speaker.set(&key(self.next), &VALUE).await
            }
            Kind::Get => {
                let key = key(self.random.below(READABLE_KEYS));
                self.speaker.get(&key).await
            }
            Kind::Increment => self.speaker.increment("counter").await,
        }
    }
}

const VALUE: [u8; VALUE_BYTES] = [b'v'; VALUE_BYTES];

/// Stores every so manieth of the values that are read later.
pub(super) async fn fill(mut speaker: impl Speaker, first: usize, step: usize) -> Result<(), Problem> {
    for number in (first as u64..READABLE_KEYS).step_by(step) {
        speaker.set(&key(number), &VALUE).await?;
    }
    Ok(())
}

/// Before the numbers of a connection's new keys: no two connections share one, nor two rounds, nor is any among those that
/// are read.
fn first_number(round: u32, connection: usize) -> u64 {
    ((u64::from(round) + 1) << 48) | ((connection as u64 & 0xFFFF) << 32)
}

/// A key for each number, in no order: so that no neighbours are written one after the other.
fn key(number: u64) -> String {
    format!("{:016x}", Random(number).next())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_connections_or_rounds_write_the_same_key_and_none_writes_what_is_read() {
        let mut keys: HashSet<String> = (0..READABLE_KEYS).map(key).collect();
        assert_eq!(keys.len() as u64, READABLE_KEYS);
        for round in [0, 1, 7] {
            for connection in [0, 1, 63] {
                for number in 1..100 {
                    assert!(
                        keys.insert(key(first_number(round, connection) + number)),
                        "{round} {connection} {number}"
                    );
                }
            }
        }
    }
}
