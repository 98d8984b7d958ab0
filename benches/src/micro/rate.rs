//! What a request waits at the rate limit: threads that count against one organisation, or each against its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use windlass_api::Rates;
use windlass_store::clock::Millis;
use windlass_store::id::OrgId;

const THREADS: [u64; 5] = [1, 2, 4, 8, 16];
const ROUND: Duration = Duration::from_secs(1);

/// Prints requests a second and nanoseconds a request, of one core's time, for each number of threads.
pub(crate) fn run() {
    println!(
        "{:>8} {:>16} {:>12} {:>16} {:>12}",
        "threads", "one org, req/s", "ns of wall", "own orgs, req/s", "ns of wall"
    );
    for threads in THREADS {
        let (shared, own) = (measure(threads, false), measure(threads, true));
        println!("{threads:>8} {shared:>16.0} {:>12.0} {own:>16.0} {:>12.0}", 1e9 / shared, 1e9 / own);
    }
}

fn measure(threads: u64, own: bool) -> f64 {
    let (rates, done) = (Arc::new(Rates::default()), Arc::new(AtomicU64::new(0)));
    let begun = Instant::now();
    let all: Vec<_> = (0..threads)
        .map(|number| {
            let (rates, done) = (Arc::clone(&rates), Arc::clone(&done));
            let org = OrgId([if own { number as u8 } else { 0 }; 16]);
            thread::spawn(move || {
                let mut count = 0;
                while begun.elapsed() < ROUND {
                    let now = Millis::try_from(begun.elapsed().as_millis()).unwrap_or(Millis::MAX);
                    // A limit that is never reached: a request that is refused would do less.
                    rates.take(org, Some(u32::MAX), now);
                    count += 1;
                }
                done.fetch_add(count, Ordering::Relaxed);
            })
        })
        .collect();
    // A thread that panicked has counted nothing, and the figure shows it.
    all.into_iter().for_each(|thread| drop(thread.join()));
    done.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64()
}
