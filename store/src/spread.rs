//! What many threads count at once, each in a place of its own. A number that all of them change is handed from core to core
//! with every change, which takes longer the more cores there are, and longer than most of what a request is counted for.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Copies; threads beyond that share one.
const COPIES: usize = 16;

thread_local! {
    /// The copy of this thread, once it has one.
    static MINE: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Some copies of what counts, which only add up to the whole.
#[derive(Debug, Default)]
pub struct Spread<T>([Apart<T>; COPIES]);

/// On cache lines of its own: they are fetched in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Apart<T>(T);

impl<T> Spread<T> {
    /// The copy of this thread.
    pub fn mine(&self) -> &T {
        let [first, ..] = &self.0;
        let place = MINE.get().unwrap_or_else(|| {
            static NEXT: AtomicUsize = AtomicUsize::new(0);
            let place = NEXT.fetch_add(1, Ordering::Relaxed) % COPIES;
            MINE.set(Some(place));
            place
        });
        &self.0.get(place).unwrap_or(first).0
    }

    /// All copies.
    pub fn all(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|apart| &apart.0)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    #[test]
    fn threads_count_in_their_own_copies_which_add_up() {
        let counts = Spread::<AtomicU64>::default();
        std::thread::scope(|scope| {
            for _ in 0..3 * COPIES {
                scope.spawn(|| {
                    for _ in 0..100 {
                        counts.mine().fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        let each: Vec<u64> = counts.all().map(|count| count.load(Ordering::Relaxed)).collect();
        assert_eq!(each.iter().sum::<u64>(), 300 * COPIES as u64);
        assert!(each.iter().all(|count| *count > 0), "{each:?}");
    }
}
