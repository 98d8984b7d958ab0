//! What goes to the terminal, and how amounts and times look there.

use std::io::{ErrorKind, Write as _};

use super::{Failure, Result};

/// Writes to standard output.
pub(super) fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| unwritten(&error))
}

/// What is told of standard output that takes no more.
pub(super) fn unwritten(error: &std::io::Error) -> Failure {
    if error.kind() == ErrorKind::BrokenPipe {
        return Failure::reader_gone();
    }
    Failure::local("standard output cannot be written", error)
}

/// Says something beside the result.
pub(super) fn note(text: &str) {
    super::super::complain(&text);
}

/// Text of others in a form that moves no cursor, breaks no line and turns no direction.
pub(super) fn printable(text: &str) -> String {
    let risky = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        if risky(c) {
            out.extend(c.escape_default())
        } else {
            out.push(c)
        }
        out
    })
}

/// A number of bytes, such as `1.5 MiB`.
pub(super) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut amount = bytes as f64 / 1024.0;
    let mut unit = UNITS.iter();
    let mut name = unit.next();
    // What would be shown as 1024.0 is one of the next unit.
    while amount >= 1023.95 && unit.len() > 0 {
        amount /= 1024.0;
        name = unit.next();
    }
    format!("{amount:.1} {}", name.unwrap_or(&"KiB"))
}

/// A point in time of the API, to the second: `2026-01-31 12:30:15`.
pub(super) fn time(iso: &str) -> String {
    let seconds = windlass_config::time::parse(iso).map(windlass_config::time::print);
    seconds.and_then(|iso| Some(iso.get(..19)?.replace('T', " "))).unwrap_or_else(|| printable(iso))
}

/// A duration in seconds, such as `2 min 5 s`.
pub(super) fn duration(seconds: u64) -> String {
    match (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, seconds) => format!("{seconds} s"),
        (0, 0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (0, hours, minutes, _) => format!("{hours} h {minutes} min"),
        (days, hours, ..) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_one_decimal_and_a_unit() {
        for (amount, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            ((1 << 20) - 1, "1.0 MiB"),
            (5 << 20, "5.0 MiB"),
            (1 << 40, "1.0 TiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(bytes(amount), expected, "{amount}");
        }
    }

    #[test]
    fn times_are_told_to_the_second_in_utc() {
        assert_eq!(time("2026-01-31T12:30:15.987Z"), "2026-01-31 12:30:15");
        assert_eq!(time("2026-01-31T12:30:15+01:00"), "2026-01-31 11:30:15");
        assert_eq!(time("soon\n"), "soon\\n");
    }

    #[test]
    fn durations_have_two_units_at_most() {
        assert_eq!(duration(0), "0 s");
        assert_eq!(duration(125), "2 min 5 s");
        assert_eq!(duration(7_325), "2 h 2 min");
        assert_eq!(duration(100_000), "1 d 3 h");
    }

    #[test]
    fn text_of_others_moves_nothing_on_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\nc\u{202e}é"), "a\\u{1b}[2Jb\\nc\\u{202e}é");
        assert_eq!(printable("plain ✓ \\n"), "plain ✓ \\n");
    }
}
