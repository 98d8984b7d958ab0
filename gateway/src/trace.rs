//! The log: text or JSON lines on standard error, from the level that the settings name.

mod access;
mod lines;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};
use windlass_config::{Log, LogFormat, LogLevel, time};
use windlass_store::clock::{Clock as _, SystemClock};

pub(crate) use access::{Access, Answered};
pub(crate) use lines::{Flush, dropped_lines};

/// Begins to log. Lines are written by a thread of their own; what the guard is asked to flush has been written. The access
/// log is there if lines of its level are let through.
pub(crate) fn begin(settings: &Log) -> std::io::Result<(Flush, Option<Access>)> {
    let (writer, flush) = lines::writer()?;
    let access = Access { lines: writer.clone(), format: settings.format };
    let layer = fmt::layer().with_writer(writer).with_ansi(false).with_timer(Clock);
    let layer = match settings.format {
        LogFormat::Text => layer.boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(layer.with_filter(targets(settings.level))).init();
    let heard = !matches!(settings.level, LogLevel::Error | LogLevel::Warn);
    Ok((flush, heard.then_some(access)))
}

/// Times of lines, as they are written everywhere else.
struct Clock;

impl FormatTime for Clock {
    fn format_time(&self, writer: &mut Writer<'_>) -> std::fmt::Result {
        writer.write_str(&time::print(SystemClock.now()))
    }
}

/// What is let through.
fn targets(level: LogLevel) -> Targets {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    // s3s prints an error for each mistake of a client, and at debug the signatures it computes. It is heard only by
    // those who ask for more than usual, and never at debug.
    let s3s = if level > LevelFilter::INFO { LevelFilter::INFO } else { LevelFilter::OFF };
    // These print headers at debug and bytes at trace.
    let http = level.min(LevelFilter::INFO);
    Targets::new()
        .with_default(level)
        .with_target("s3s", s3s)
        .with_target("hyper", http)
        .with_target("hyper_util", http)
        .with_target("h2", http)
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn what_prints_signatures_is_never_heard_at_debug() {
        for level in [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace] {
            let targets = targets(level);
            for target in ["s3s", "s3s::ops", "hyper::proto::h1", "h2::codec", "hyper_util::server"] {
                assert!(!targets.would_enable(target, &Level::DEBUG), "{target} at {level:?}");
            }
        }
        assert!(!targets(LogLevel::Info).would_enable("s3s", &Level::ERROR));
        assert!(targets(LogLevel::Debug).would_enable("s3s", &Level::INFO));
        assert!(targets(LogLevel::Debug).would_enable("windlass::net", &Level::DEBUG));
    }
}
