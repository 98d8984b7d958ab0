//! Points in time as RFC 3339 writes them, which is also how TOML does.

use toml::value::{Date, Datetime, Offset};

/// Milliseconds since the Unix epoch; `None` for local times, dates alone, times before 1970 and what is no time.
pub fn parse(text: &str) -> Option<u64> {
    from_toml(&text.parse().ok()?)
}

/// The same, with times before 1970 as its beginning.
pub fn parse_from_epoch(text: &str) -> Option<u64> {
    let datetime: Datetime = text.parse().ok()?;
    match datetime {
        Datetime { date: Some(date), time: Some(_), offset: Some(_) } if date.year < 1970 => Some(0),
        // At the turn of the year an offset can still lead before it.
        Datetime { date: Some(_), time: Some(_), offset: Some(_) } => Some(from_toml(&datetime).unwrap_or(0)),
        _ => None,
    }
}

/// The same for a time that TOML has read.
pub(crate) fn from_toml(datetime: &Datetime) -> Option<u64> {
    let (date, time, offset) = (datetime.date?, datetime.time?, datetime.offset?);
    let offset_minutes = match offset {
        Offset::Z => 0,
        Offset::Custom { minutes } => i64::from(minutes),
    };
    let minutes = days(date) * 24 * 60 + i64::from(time.hour) * 60 + i64::from(time.minute) - offset_minutes;
    let millis = i64::from(time.nanosecond.unwrap_or(0) / 1_000_000);
    u64::try_from((minutes * 60 + i64::from(time.second.unwrap_or(0))) * 1000 + millis).ok()
}

/// Prints what `parse` reads, in UTC.
pub fn print(millis: u64) -> String {
    let (days, rest) = (millis / 86_400_000, millis % 86_400_000);
    let (year, month, day) = civil(days);
    let (hour, minute, second, milli) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60, rest % 1000);
    // Every answer and every log line holds times, and the formatter of the language takes ten times as long.
    let mut text = String::with_capacity(24);
    if year > 9_999 {
        text.push_str(&(year / 100).to_string());
    } else {
        push_two(&mut text, year / 100);
    }
    push_two(&mut text, year % 100);
    for (before, part) in [('-', month), ('-', day), ('T', hour), (':', minute), (':', second)] {
        text.push(before);
        push_two(&mut text, part);
    }
    text.push('.');
    push_digit(&mut text, milli / 100);
    push_two(&mut text, milli % 100);
    text.push('Z');
    text
}

fn push_two(text: &mut String, number: u64) {
    push_digit(text, number / 10);
    push_digit(text, number % 10);
}

fn push_digit(text: &mut String, digit: u64) {
    text.extend(u32::try_from(digit).ok().and_then(|digit| char::from_digit(digit, 10)));
}

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar; years begin in March, so that leap days are last.
fn days(date: Date) -> i64 {
    let (month, day) = (i64::from(date.month), i64::from(date.day));
    let year = i64::from(date.year) - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The inverse of `days`, for days from 1970 on.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times_are_read() {
        assert_eq!(parse("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(parse("2000-02-29T12:30:15.250Z"), Some(951_827_415_250));
        assert_eq!(parse("2027-01-01T01:00:00+01:00"), Some(1_798_761_600_000));
        for bad in ["2027-01-01", "2027-01-01T00:00:00", "12:00:00", "tomorrow", "", "1969-12-31T23:59:59Z"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn times_before_the_epoch_can_count_as_its_beginning() {
        for early in ["1645-06-05T15:18:24.7149-01:47", "1969-12-31T23:59:59Z", "1970-01-01T00:30:00+01:00"] {
            assert_eq!((parse(early), parse_from_epoch(early)), (None, Some(0)), "{early}");
        }
        assert_eq!(parse_from_epoch("2000-02-29T12:30:15.250Z"), Some(951_827_415_250));
        for bad in ["2027-01-01", "2027-01-01T00:00:00", "12:00:00", "tomorrow", ""] {
            assert_eq!(parse_from_epoch(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_printed_reads_back() {
        for day in (0..40_000_u64).step_by(7) {
            let millis = day * 86_400_000 + day * 1_001 % 86_400_000;
            assert_eq!(parse(&print(millis)), Some(millis), "{}", print(millis));
        }
        assert_eq!(print(951_827_415_007), "2000-02-29T12:30:15.007Z");
        assert_eq!(print(253_402_300_800_000), "10000-01-01T00:00:00.000Z");
    }
}
