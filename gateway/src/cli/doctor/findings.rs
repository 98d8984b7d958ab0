//! What was found, a line each.

use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

#[derive(Debug)]
struct Finding {
    verdict: Verdict,
    what: &'static str,
    why: String,
}

/// What was found, in the order in which it was looked at.
#[derive(Debug, Default)]
pub(in crate::cli) struct Findings(Vec<Finding>);

impl Findings {
    /// It is as it should be.
    pub(in crate::cli) fn ok(&mut self, what: &'static str, why: impl Into<String>) {
        self.0.push(Finding { verdict: Verdict::Ok, what, why: why.into() });
    }

    /// It works, but may not be what is wanted.
    pub(in crate::cli) fn warn(&mut self, what: &'static str, why: impl Into<String>) {
        self.0.push(Finding { verdict: Verdict::Warn, what, why: why.into() });
    }

    /// It does not work.
    pub(in crate::cli) fn fail(&mut self, what: &'static str, why: impl Into<String>) {
        self.0.push(Finding { verdict: Verdict::Fail, what, why: why.into() });
    }

    /// Whether something does not work.
    pub(in crate::cli) fn has_failed(&self) -> bool {
        self.0.iter().any(|finding| finding.verdict == Verdict::Fail)
    }
}

/// `VERDICT  what  — why and what to do`, a line each.
impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { verdict, what, why } in &self.0 {
            let verdict = match verdict {
                Verdict::Ok => "ok",
                Verdict::Warn => "warn",
                Verdict::Fail => "FAIL",
            };
            writeln!(f, "{verdict:<4}  {what:<11}  — {}", why.replace('\n', " "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_a_line_and_only_failures_fail() {
        let mut findings = Findings::default();
        findings.ok("settings", "fine");
        findings.warn("sync", "slow\nbut sure");
        assert!(!findings.has_failed());
        findings.fail("data folder", "gone");
        assert!(findings.has_failed());
        let lines = "ok    settings     — fine\nwarn  sync         — slow but sure\nFAIL  data folder  — gone\n";
        assert_eq!(findings.to_string(), lines);
    }
}
