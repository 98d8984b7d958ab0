//! The lines of the access log, printed here and not by the subscriber: there is one for every request, and to pass its
//! fields through the subscriber's visitors costs as much as the decision whether the request is allowed.

use std::fmt::Write as _;
use std::net::IpAddr;

use serde::Serialize;
use windlass_config::{LogFormat, time};
use windlass_store::clock::Millis;

use super::lines::Lines;

/// What the lines belong to, as the subscriber calls it.
const TARGET: &str = "windlass::access";
/// What most lines take.
const LINE_BYTES: usize = 256;

/// The access log. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Access {
    pub(super) lines: Lines,
    pub(super) format: LogFormat,
}

/// A request that has ended.
#[derive(Debug, Serialize)]
pub(crate) struct Answered<'a> {
    /// What joins the line, the answer, and what a client reports.
    pub(crate) request_id: &'a str,
    /// The door that answered.
    pub(crate) door: &'a str,
    /// The method.
    pub(crate) method: &'a str,
    /// The path, without the query, which may hold signatures.
    pub(crate) path: &'a str,
    /// The status of the answer.
    pub(crate) status: u16,
    /// Bytes of its body that left.
    pub(crate) bytes: u64,
    /// From the head of the request to the last byte of the answer.
    pub(crate) duration_us: u64,
    /// How the answer ended.
    pub(crate) end: &'a str,
    /// The client.
    pub(crate) peer: IpAddr,
}

/// A line in JSON, with the fields that the subscriber gives to every line.
#[derive(Serialize)]
struct Document<'a> {
    timestamp: &'a str,
    level: &'a str,
    message: &'a str,
    #[serde(flatten)]
    answered: &'a Answered<'a>,
    target: &'a str,
}

impl Access {
    /// Writes the line of a request that ended at `now`.
    pub(crate) fn write(&self, now: Millis, answered: &Answered<'_>) {
        let timestamp = time::print(now);
        let line = match self.format {
            LogFormat::Text => text(&timestamp, answered),
            LogFormat::Json => json(&timestamp, answered),
        };
        self.lines.take(line.as_bytes());
    }
}

fn text(timestamp: &str, answered: &Answered<'_>) -> String {
    let Answered { request_id, door, method, path, status, bytes, duration_us, end, peer } = answered;
    let mut line = String::with_capacity(LINE_BYTES);
    for part in [
        timestamp,
        "  INFO ",
        TARGET,
        ": answered request_id=",
        request_id,
        " door=\"",
        door,
        "\" method=",
        method,
        " path=",
        path,
    ] {
        line.push_str(part);
    }
    for (name, number) in [(" status=", u64::from(*status)), (" bytes=", *bytes), (" duration_us=", *duration_us)] {
        line.push_str(name);
        line.push_str(itoa::Buffer::new().format(number));
    }
    for part in [" end=\"", end, "\" peer="] {
        line.push_str(part);
    }
    // A string takes all that is written.
    let _ = writeln!(line, "{peer}");
    line
}

fn json(timestamp: &str, answered: &Answered<'_>) -> String {
    let document = Document { timestamp, level: "INFO", message: "answered", answered, target: TARGET };
    // Every part of it is text or a number, which always can be printed.
    serde_json::to_string(&document).map(|line| line + "\n").unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered() -> Answered<'static> {
        Answered {
            request_id: "R1",
            door: "s3",
            method: "GET",
            path: "/b/a\"b",
            status: 200,
            bytes: 7,
            duration_us: 12,
            end: "whole",
            peer: IpAddr::from([127, 0, 0, 1]),
        }
    }

    #[test]
    fn a_line_of_text_says_everything() {
        let line = "T  INFO windlass::access: answered request_id=R1 door=\"s3\" method=GET path=/b/a\"b status=200 bytes=7 \
                    duration_us=12 end=\"whole\" peer=127.0.0.1\n";
        assert_eq!(text("T", &answered()), line);
    }

    #[test]
    fn a_line_of_json_is_one_document() {
        let line = json("T", &answered());
        let document: serde_json::Value = serde_json::from_str(&line).unwrap();
        let expected = serde_json::json!({
            "timestamp": "T", "level": "INFO", "message": "answered", "request_id": "R1", "door": "s3", "method": "GET",
            "path": "/b/a\"b", "status": 200, "bytes": 7, "duration_us": 12, "end": "whole", "peer": "127.0.0.1",
            "target": "windlass::access"
        });
        assert_eq!(document, expected);
        assert!(line.ends_with("}\n") && line.lines().count() == 1);
    }
}
