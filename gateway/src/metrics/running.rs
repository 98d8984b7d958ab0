//! How many requests run, and that they are not too many.

use super::Counter;

/// The requests that were let in and whose answers have not ended.
#[derive(Debug, Default)]
pub(crate) struct Running(Counter);

impl Running {
    /// Lets one in, unless so many run. Who was let in leaves.
    pub(crate) fn enter(&self, max: u64) -> bool {
        let enters = self.0.add(1) < max;
        if !enters {
            // Until here it may have kept another one out, which would have been the last to fit.
            self.leave();
        }
        enters
    }

    /// One has ended.
    pub(crate) fn leave(&self) {
        self.0.sub(1);
    }

    /// How many run.
    pub(crate) fn get(&self) -> u64 {
        self.0.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_the_bound_run() {
        let running = Running::default();
        assert_eq!([(); 4].map(|()| running.enter(3)), [true, true, true, false]);
        assert_eq!(running.get(), 3);
        running.leave();
        assert!(running.enter(3) && !running.enter(3));
        assert!(!Running::default().enter(0));
    }

    #[test]
    fn no_more_than_the_bound_run_whoever_asks() {
        let (running, most) = (Running::default(), Counter::default());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        if running.enter(2) {
                            most.add(1);
                            assert!(most.get() <= 2);
                            most.sub(1);
                            running.leave();
                        }
                    }
                });
            }
        });
        assert_eq!(running.get(), 0);
    }
}
