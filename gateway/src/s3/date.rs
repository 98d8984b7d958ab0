//! The dates of HTTP and of signatures, to and from milliseconds since the epoch. No clock is read here.

use std::time::{Duration, UNIX_EPOCH};

use http::HeaderValue;
use s3s::dto::{Timestamp, TimestampFormat};
use windlass_store::clock::Millis;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAY_MS: u64 = 86_400_000;

/// A time as S3 shows it: whole seconds, so that listings and headers agree.
pub(super) fn timestamp(ms: Millis) -> Timestamp {
    let time = UNIX_EPOCH.checked_add(Duration::from_secs(ms / 1000)).unwrap_or(UNIX_EPOCH);
    Timestamp::from(time)
}

/// A time of a document or a header; `None` before the epoch. s3s shows it no other way than as text.
pub(super) fn millis(time: Timestamp) -> Option<Millis> {
    let mut text = Vec::with_capacity(32);
    time.format(TimestampFormat::EpochSeconds, &mut text).ok()?;
    let text = String::from_utf8(text).ok()?;
    let (seconds, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let thousandths = format!("{fraction:0<3}");
    let thousandths: u64 = thousandths.get(..3)?.parse().ok()?;
    seconds.parse::<u64>().ok()?.checked_mul(1000)?.checked_add(thousandths)
}

/// A time as a header.
pub(super) fn http(ms: Millis) -> HeaderValue {
    let mut text = Vec::with_capacity(32);
    let printed = timestamp(ms).format(TimestampFormat::HttpDate, &mut text).ok();
    // A date is ASCII; there is none that could not be printed.
    printed.and_then(|()| HeaderValue::from_bytes(&text).ok()).unwrap_or(HeaderValue::from_static(""))
}

/// Reads an HTTP date in any of the three forms of RFC 9110 section 5.6.7, or with a numeric zone of zero as signers
/// send it. `None` for anything else and for times before the epoch.
pub(crate) fn parse_http(text: &str) -> Option<Millis> {
    let text = text.replace(',', " ");
    let mut words =
        text.split_whitespace().skip_while(|word| word.bytes().all(|b| b.is_ascii_alphabetic()) && !is_month(word));
    let words: Vec<&str> = words.by_ref().take(6).collect();
    match *words.as_slice() {
        [day, month, year, time, zone] if is_utc(zone) => assemble(year, month, day, time),
        [date, time, zone] if is_utc(zone) => {
            let mut parts = date.split('-');
            let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
            let short: u32 = digits(year).filter(|_| year.len() == 2)?;
            let year = if short < 70 { 2000 + short } else { 1900 + short };
            assemble(&year.to_string(), month, day, time)
        }
        [month, day, time, year] => assemble(year, month, day, time),
        _ => None,
    }
}

/// Reads the `YYYYMMDDTHHMMSSZ` of signatures.
pub(super) fn parse_amz(text: &str) -> Option<Millis> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let field = |text: &str, from: usize, to: usize| text.get(from..to).and_then(digits);
    if date.len() != 8 || time.len() != 6 {
        return None;
    }
    let days = days(field(date, 0, 4)?, field(date, 4, 6)?, field(date, 6, 8)?)?;
    Some(days * DAY_MS + clock(field(time, 0, 2)?, field(time, 2, 4)?, field(time, 4, 6)?)?)
}

/// Writes the `YYYYMMDDTHHMMSSZ` of signatures.
pub(super) fn format_amz(ms: Millis) -> String {
    let mut days = ms / DAY_MS;
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let mut month = 1;
    while days >= u64::from(month_length(year, month)) {
        days -= u64::from(month_length(year, month));
        month += 1;
    }
    let seconds = ms % DAY_MS / 1000;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}{month:02}{:02}T{hour:02}{minute:02}{second:02}Z", days + 1)
}

fn assemble(year: &str, month: &str, day: &str, time: &str) -> Option<Millis> {
    let month = MONTHS.iter().position(|m| m.eq_ignore_ascii_case(month))?;
    let mut time = time.split(':');
    let (hour, minute, second) = (time.next()?, time.next()?, time.next()?);
    let clock = clock(digits(hour)?, digits(minute)?, digits(second)?).filter(|_| time.next().is_none())?;
    let days = days(digits(year).filter(|_| year.len() == 4)?, u32::try_from(month + 1).ok()?, digits(day)?)?;
    Some(days * DAY_MS + clock)
}

fn days(year: u32, month: u32, day: u32) -> Option<u64> {
    let valid =
        (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=month_length(year, month)).contains(&day);
    if !valid {
        return None;
    }
    let leaps = |year: u32| u64::from(year / 4 - year / 100 + year / 400);
    let years = u64::from(year - 1970) * 365 + leaps(year - 1) - leaps(1969);
    let months: u64 = (1..month).map(|m| u64::from(month_length(year, m))).sum();
    Some(years + months + u64::from(day - 1))
}

fn clock(hour: u32, minute: u32, second: u32) -> Option<u64> {
    // 60 is a leap second.
    (hour < 24 && minute < 60 && second <= 60).then(|| u64::from(hour * 3600 + minute * 60 + second) * 1000)
}

fn month_length(year: u32, month: u32) -> u32 {
    match month {
        2 => 28 + u32::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn is_leap(year: u32) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn is_month(word: &str) -> bool {
    MONTHS.iter().any(|month| month.eq_ignore_ascii_case(word))
}

fn is_utc(zone: &str) -> bool {
    matches!(zone, "GMT" | "UTC" | "+0000" | "-0000")
}

fn digits(text: &str) -> Option<u32> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_to_the_millisecond() {
        for (text, ms) in [
            ("2030-01-01T00:00:00Z", 1_893_456_000_000),
            ("2030-01-01T00:00:00.250Z", 1_893_456_000_250),
            ("1970-01-01T00:00:01Z", 1_000),
        ] {
            assert_eq!(millis(Timestamp::parse(TimestampFormat::DateTime, text).unwrap()), Some(ms), "{text}");
        }
        let before = Timestamp::parse(TimestampFormat::DateTime, "1960-01-01T00:00:00Z").unwrap();
        assert_eq!(millis(before), None);
    }

    #[test]
    fn all_three_http_forms_are_read() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 06 Nov 1994 08:49:37 +0000",
        ] {
            assert_eq!(parse_http(text), Some(784_111_777_000), "{text}");
        }
        for text in [
            "",
            "now",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 25:49:37 GMT",
            "Thu, 01 Jan 1969 00:00:00 GMT",
        ] {
            assert_eq!(parse_http(text), None, "{text}");
        }
    }

    #[test]
    fn signature_dates_round_trip() {
        for text in ["19700101T000000Z", "20000229T235959Z", "20240301T000000Z", "20991231T120000Z"] {
            assert_eq!(format_amz(parse_amz(text).unwrap()), text);
        }
        assert_eq!(parse_amz("19941106T084937Z"), Some(784_111_777_000));
        for text in ["", "20230229T000000Z", "20230101", "2023-01-01T00:00:00Z", "20230101T000000", "19500707T215304Z"]
        {
            assert_eq!(parse_amz(text), None, "{text}");
        }
    }
}
