//! How long operations took: counts in buckets that are less than 1 % wide.

use std::time::Duration;

/// Buckets per doubling.
const STEPS: usize = 128;
const STEPS_LOG2: u32 = 7;
/// Nanoseconds below `STEPS` have a bucket each; then `STEPS` for each of the doublings up to 2^63.
const BUCKETS: usize = STEPS * 58;

/// Durations, counted.
#[derive(Debug, Clone)]
pub(crate) struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    sum: u128,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram { buckets: vec![0; BUCKETS], count: 0, sum: 0, max: 0 }
    }
}

impl Histogram {
    /// Counts one.
    pub(crate) fn add(&mut self, taken: Duration) {
        let nanos = u64::try_from(taken.as_nanos()).unwrap_or(u64::MAX);
        if let Some(bucket) = self.buckets.get_mut(bucket_of(nanos)) {
            *bucket += 1;
        }
        self.count += 1;
        self.sum += u128::from(nanos);
        self.max = self.max.max(nanos);
    }

    /// Takes over what another has counted.
    pub(crate) fn merge(&mut self, other: &Histogram) {
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += theirs;
        }
        self.count += other.count;
        self.sum += other.sum;
        self.max = self.max.max(other.max);
    }

    /// How many were counted.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Their mean in milliseconds.
    pub(crate) fn mean_ms(&self) -> f64 {
        self.sum as f64 / self.count.max(1) as f64 / 1e6
    }

    /// The longest in milliseconds.
    pub(crate) fn max_ms(&self) -> f64 {
        self.max as f64 / 1e6
    }

    /// The duration in milliseconds that this share of all (0 to 1) did not exceed.
    pub(crate) fn at_ms(&self, share: f64) -> f64 {
        let rank = (self.count as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return middle_of(bucket).min(self.max) as f64 / 1e6;
            }
        }
        self.max_ms()
    }
}

fn bucket_of(nanos: u64) -> usize {
    let doublings = (64 - nanos.leading_zeros()).saturating_sub(STEPS_LOG2 + 1);
    doublings as usize * STEPS + (nanos >> doublings) as usize
}

fn middle_of(bucket: usize) -> u64 {
    let doublings = (bucket / STEPS).saturating_sub(1);
    let first = ((bucket - doublings * STEPS) as u64) << doublings;
    first + (1 << doublings) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_is_within_a_percent_of_its_bucket() {
        for nanos in (0..63).flat_map(|bit| [(1_u64 << bit) - 1, 1 << bit, (1 << bit) + (1 << bit) / 3]) {
            let middle = middle_of(bucket_of(nanos));
            assert!(bucket_of(nanos) < BUCKETS);
            assert!(middle.abs_diff(nanos) <= nanos / 100 + 1, "{nanos} is shown as {middle}");
        }
    }

    #[test]
    fn percentiles_of_a_known_row() {
        let mut histogram = Histogram::default();
        (1..=1000).for_each(|ms| histogram.add(Duration::from_millis(ms)));
        let near = |value: f64, should: f64| (value - should).abs() <= should / 100.0;
        assert!(near(histogram.at_ms(0.5), 500.0) && near(histogram.at_ms(0.99), 990.0));
        assert!(near(histogram.at_ms(1.0), 1000.0) && near(histogram.mean_ms(), 500.5));
        assert_eq!(histogram.max_ms(), 1000.0);
        assert_eq!(Histogram::default().at_ms(0.5), 0.0);
    }
}
