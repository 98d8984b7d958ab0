//! A bar that shows how far a transfer has come: on a terminal, and nowhere else.

use std::io::{IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::print::{bytes, duration, printable};

/// How often the bar is drawn at most.
const PAUSE: Duration = Duration::from_millis(100);
/// Characters of the bar itself.
const BAR: usize = 14;
/// Characters of what is transferred; with everything else a line stays under 80.
const LABEL: usize = 16;
/// Seconds from which on it makes no difference how long it takes.
const LONG: f64 = 100.0 * 86_400.0;
/// To the beginning of the line, and clear it.
const CLEAR: &str = "\r\x1b[K";

/// A transfer that is watched.
pub(super) struct Progress {
    state: Mutex<State>,
    is_shown: bool,
    label: String,
    begun: Instant,
}

struct State {
    done: u64,
    total: Option<u64>,
    drawn: Option<Instant>,
}

impl Progress {
    /// Begins; `total` bytes are expected, if that is known.
    pub(super) fn begin(label: &str, total: Option<u64>) -> Self {
        let state = Mutex::new(State { done: 0, total, drawn: None });
        let is_shown = std::io::stderr().is_terminal();
        Self { state, is_shown, label: short(&printable(label)), begun: Instant::now() }
    }

    /// So many bytes more have been transferred.
    pub(super) fn add(&self, more: usize) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.done = state.done.saturating_add(more as u64);
        let is_due = state.drawn.is_none_or(|drawn| drawn.elapsed() >= PAUSE);
        if self.is_shown && is_due {
            state.drawn = Some(Instant::now());
            let text = line(&self.label, state.done, state.total, self.begun.elapsed());
            let mut terminal = std::io::stderr();
            let _ = write!(terminal, "{CLEAR}{text}").and_then(|()| terminal.flush());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if state.drawn.is_some() {
            let _ = write!(std::io::stderr(), "{CLEAR}");
        }
    }
}

/// The end of a label, which tells files apart.
fn short(label: &str) -> String {
    let count = label.chars().count();
    if count <= LABEL {
        return label.to_owned();
    }
    label.chars().skip(count - LABEL + 1).fold("…".to_owned(), |mut short, c| {
        short.push(c);
        short
    })
}

/// The line that is drawn.
fn line(label: &str, done: u64, total: Option<u64>, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64().max(0.001);
    let rate = done as f64 / seconds;
    let amount = bytes(done);
    let speed = bytes(rate as u64);
    let Some(total) = total else { return format!("{label}  {amount}  {speed}/s") };
    let part = if total == 0 { 1.0 } else { (done as f64 / total as f64).min(1.0) };
    let filled = (part * BAR as f64) as usize;
    let bar = format!("{}{}", "#".repeat(filled), ".".repeat(BAR - filled));
    let left = total.saturating_sub(done) as f64 / rate;
    let left = if left < LONG { duration(left as u64) } else { "long".to_owned() };
    format!("{label} [{bar}] {:>3}% {amount} {speed}/s, {left} left", (part * 100.0) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_how_far_it_is_and_how_long_it_takes() {
        let half = line("a", 5 << 20, Some(10 << 20), Duration::from_secs(2));
        assert_eq!(half, "a [#######.......]  50% 5.0 MiB 2.5 MiB/s, 2 s left");
        let whole = line("a", 4, Some(4), Duration::from_secs(1));
        assert_eq!(whole, "a [##############] 100% 4 B 4 B/s, 0 s left");
        assert_eq!(line("a", 0, Some(4), Duration::ZERO), "a [..............]   0% 0 B 0 B/s, long left");
        assert_eq!(line("a", 2048, None, Duration::from_secs(1)), "a  2.0 KiB  2.0 KiB/s");
    }

    #[test]
    fn a_line_fits_whatever_is_transferred() {
        let label = short(&"long-name".repeat(30));
        assert_eq!(label.chars().count(), LABEL);
        let days = 86_400 * 99;
        for (done, total, seconds) in [(1023 << 30, 1_u64 << 62, 1), (1 << 40, 1 << 41, days), (u64::MAX, 1, 1)] {
            let line = line(&label, done, Some(total), Duration::from_secs(seconds));
            assert!(line.chars().count() < 80, "{line}");
        }
    }
}
