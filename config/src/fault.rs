//! What is wrong with the settings, all of it at once.

use std::fmt;

/// One thing that is wrong: the setting by its full name, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The setting's full name, such as `storage.inline_bytes_max`, or the file or variable that is at fault.
    pub name: String,
    /// What is wrong, what would be accepted, and where it was set.
    pub problem: String,
}

impl Fault {
    /// A fault of that name.
    pub fn new(name: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { name: name.into(), problem: problem.into() }
    }

    /// A value outside of what is accepted.
    pub fn value(name: impl Into<String>, value: &str, accepted: &str) -> Self {
        Self::new(name, format!("{value} is not accepted; it takes {accepted}"))
    }

    /// The same fault, naming the file, variable or flag that caused it.
    #[must_use]
    pub fn from(mut self, place: &str) -> Self {
        self.problem = format!("{} (from {place})", self.problem);
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.problem)
    }
}

/// Everything that is wrong, in the order in which it was found. Never empty when it is an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// Adds one.
    pub fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// `value`, unless something is wrong.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, fault) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
