//! Is a history of concurrent operations on one key linearisable?
//!
//! The search is Wing and Gong's, with Lowe's memo: an operation may come next if no other open operation had returned
//! before it was invoked; a set of operations already placed, together with the register's value, is tried once only.
//! An operation without an answer may have happened at any time after its invocation, or never.

use std::collections::HashSet;

/// What a client did and saw. Values are numbers of unique bodies; `None` is the absent key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// A put (a body) or a delete (`None`) that was acknowledged, or whose answer never came.
    Write(Option<u64>),
    /// A read and what it returned.
    Read(Option<u64>),
    /// A put of a body on the condition that the key is absent, and whether it won.
    Create(u64, bool),
}

/// An operation with the moments of its invocation and its answer, on one clock that never shows a time twice.
#[derive(Debug, Clone, Copy)]
pub struct Event {
    /// What was done.
    pub op: Op,
    /// When it began.
    pub invoked: u64,
    /// When its answer came; `None` when none did.
    pub returned: Option<u64>,
}

impl Event {
    /// The register after the operation, or `None` when the operation cannot happen at this value.
    fn apply(&self, value: Option<u64>) -> Option<Option<u64>> {
        match self.op {
            Op::Write(new) => Some(new),
            Op::Read(seen) => (seen == value).then_some(value),
            Op::Create(new, true) => value.is_none().then_some(Some(new)),
            Op::Create(_, false) => value.is_some().then_some(value),
        }
    }

    fn end(&self) -> u64 {
        self.returned.unwrap_or(u64::MAX)
    }
}

/// Checks the history of a key that was absent at first. The error tells where no order could be found.
pub fn check(events: &[Event]) -> Result<(), String> {
    let mut events = events.to_vec();
    events.sort_by_key(|e| e.invoked);
    let mut search = Search { events: &events, tried: HashSet::new(), deepest: (0, Vec::new(), None) };
    if search.run() { Ok(()) } else { Err(search.explain()) }
}

type Placed = Vec<u64>;

struct Search<'a> {
    events: &'a [Event],
    tried: HashSet<(Placed, Option<u64>)>,
    deepest: (usize, Placed, Option<u64>),
}

impl Search<'_> {
    fn run(&mut self) -> bool {
        let mut stack = vec![(vec![0_u64; self.events.len().div_ceil(64)], None, 0_usize)];
        while let Some((placed, value, count)) = stack.pop() {
            if !self.tried.insert((placed.clone(), value)) {
                continue;
            }
            if count >= self.deepest.0 {
                self.deepest = (count, placed.clone(), value);
            }
            let open = self.open(&placed);
            if open.iter().all(|&at| self.events[at].returned.is_none()) {
                return true;
            }
            for at in open {
                if let Some(value) = self.events[at].apply(value) {
                    let mut placed = placed.clone();
                    placed[at / 64] |= 1 << (at % 64);
                    stack.push((placed, value, count + 1));
                }
            }
        }
        false
    }

    /// The operations that may come next: those invoked before any other that is not placed had returned.
    fn open(&self, placed: &Placed) -> Vec<usize> {
        let mut open = Vec::new();
        let mut earliest_end = u64::MAX;
        for (at, event) in self.events.iter().enumerate() {
            if event.invoked > earliest_end {
                break;
            }
            if placed[at / 64] >> (at % 64) & 1 == 0 {
                earliest_end = earliest_end.min(event.end());
                open.push(at);
            }
        }
        open.retain(|&at| self.events[at].invoked < earliest_end);
        open
    }

    fn explain(&self) -> String {
        let (count, placed, value) = &self.deepest;
        let stuck: Vec<String> = self.open(placed).into_iter().map(|at| format!("  {:?}", self.events[at])).collect();
        format!(
            "no order explains the history: after {count} of {} operations the value is {value:?} and none of these fits\n{}",
            self.events.len(),
            stuck.join("\n")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(op: Op, invoked: u64, returned: u64) -> Event {
        Event { op, invoked, returned: Some(returned) }
    }

    #[test]
    fn overlapping_operations_may_take_effect_in_either_order() {
        let writes = [event(Op::Write(Some(1)), 0, 10), event(Op::Write(Some(2)), 1, 9)];
        for seen in [1, 2] {
            check(&[writes[0], writes[1], event(Op::Read(Some(seen)), 11, 12)]).unwrap();
        }
        check(&[writes[0], event(Op::Read(None), 2, 3), event(Op::Read(Some(1)), 4, 5)]).unwrap();
    }

    #[test]
    fn a_stale_read_is_found() {
        let history =
            [event(Op::Write(Some(1)), 0, 1), event(Op::Write(Some(2)), 2, 3), event(Op::Read(Some(1)), 4, 5)];
        check(&history).unwrap_err();
    }

    #[test]
    fn a_value_that_comes_back_is_found() {
        let history = [event(Op::Write(Some(1)), 0, 20), event(Op::Read(Some(1)), 1, 2), event(Op::Read(None), 3, 4)];
        check(&history).unwrap_err();
    }

    #[test]
    fn two_winners_of_one_creation_are_found() {
        check(&[event(Op::Create(1, true), 0, 5), event(Op::Create(2, true), 1, 6)]).unwrap_err();
        check(&[event(Op::Create(1, true), 0, 5), event(Op::Create(2, false), 1, 6)]).unwrap();
    }

    #[test]
    fn an_unanswered_write_may_have_happened_or_not() {
        let doubtful = Event { op: Op::Write(Some(1)), invoked: 0, returned: None };
        for seen in [None, Some(1)] {
            check(&[doubtful, event(Op::Read(seen), 5, 6)]).unwrap();
        }
        check(&[doubtful, event(Op::Read(Some(1)), 5, 6), event(Op::Read(None), 7, 8)]).unwrap_err();
    }
}
