//! Answers as people read them: tables of many, and all that is known of one.

use serde_json::Value;

use super::print::{bytes, printable, time};

/// What a member of an answer is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// Text, numbers, switches, lists of them; documents within are shown as they are.
    Plain,
    /// A number that is compared with others.
    Count,
    /// A number of bytes.
    Bytes,
    /// A point in time.
    Time,
}

/// A member of an answer and how it is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) title: &'static str,
    /// Where it is in the answer: a JSON pointer (RFC 6901).
    pub(super) at: &'static str,
    pub(super) kind: Kind,
    /// What is shown when it is `null`.
    pub(super) none: &'static str,
}

impl Column {
    /// One for which `null` is nothing to speak of.
    pub(super) const fn new(title: &'static str, at: &'static str, kind: Kind) -> Self {
        Self { title, at, kind, none: "-" }
    }

    /// One for which `null` means something.
    pub(super) const fn or(title: &'static str, at: &'static str, kind: Kind, none: &'static str) -> Self {
        Self { title, at, kind, none }
    }

    /// It, of an answer.
    pub(super) fn of(&self, answer: &Value) -> String {
        match (answer.pointer(self.at), self.kind) {
            (None | Some(Value::Null), _) => self.none.to_owned(),
            (Some(Value::Number(number)), Kind::Bytes) => number.as_u64().map_or_else(|| number.to_string(), bytes),
            (Some(Value::String(text)), Kind::Time) => time(text),
            (Some(value), _) => plain(value),
        }
    }

    fn is_right(&self) -> bool {
        matches!(self.kind, Kind::Count | Kind::Bytes)
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => printable(text),
        Value::Array(entries) if entries.is_empty() => "none".to_owned(),
        Value::Array(entries) if entries.iter().all(|entry| !entry.is_array() && !entry.is_object()) => {
            entries.iter().map(plain).collect::<Vec<_>>().join(", ")
        }
        value => printable(&value.to_string()),
    }
}

/// A table that is printed page by page: the columns are as wide as what has been seen needs.
pub(super) struct Table {
    columns: &'static [Column],
    widths: Vec<usize>,
}

impl Table {
    pub(super) fn new(columns: &'static [Column]) -> Self {
        Self { columns, widths: columns.iter().map(|column| column.title.chars().count()).collect() }
    }

    /// The next lines of the table; its first ones begin with the titles.
    pub(super) fn lines(&mut self, entries: &[Value], is_first: bool) -> String {
        let titles = is_first.then(|| self.columns.iter().map(|column| column.title.to_owned()).collect());
        let rows = entries.iter().map(|entry| self.columns.iter().map(|column| column.of(entry)).collect());
        let rows: Vec<Vec<String>> = titles.into_iter().chain(rows).collect();
        for row in &rows {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        rows.iter().map(|row| self.line(row)).collect()
    }

    fn line(&self, row: &[String]) -> String {
        let cells = self.columns.iter().zip(&self.widths).zip(row).map(|((column, width), cell)| {
            if column.is_right() { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        format!("{}\n", line.trim_end())
    }
}

/// All of one answer, a member a line.
pub(super) fn whole(answer: &Value, columns: &[Column]) -> String {
    let width = columns.iter().map(|column| column.title.chars().count()).max().unwrap_or_default();
    columns.iter().map(|column| format!("{:<width$}  {}\n", column.title, column.of(answer))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const COLUMNS: &[Column] = &[
        Column::new("NAME", "/name", Kind::Plain),
        Column::or("LIMIT", "/limit", Kind::Bytes, "unlimited"),
        Column::new("MADE", "/made", Kind::Time),
    ];

    #[test]
    fn columns_are_aligned_and_numbers_stand_right() {
        let entries = [
            json!({ "name": "a", "limit": 5 << 20, "made": "2026-01-31T12:30:15.000Z" }),
            json!({ "name": "long\tname", "limit": null }),
        ];
        let expected = "NAME            LIMIT  MADE\n\
                        a             5.0 MiB  2026-01-31 12:30:15\n\
                        long\\tname  unlimited  -\n";
        assert_eq!(Table::new(COLUMNS).lines(&entries, true), expected);
    }

    #[test]
    fn later_pages_go_on_in_the_same_columns() {
        let mut table = Table::new(COLUMNS);
        table.lines(&[json!({ "name": "longest" })], true);
        assert_eq!(table.lines(&[json!({ "name": "a", "limit": 1 })], false), "a              1 B  -\n");
        assert_eq!(Table::new(COLUMNS).lines(&[], true), "NAME  LIMIT  MADE\n");
    }

    #[test]
    fn values_within_are_shown() {
        let column = Column::new("X", "/x", Kind::Plain);
        let shown = |value| column.of(&json!({ "x": value }));
        assert_eq!(shown(json!(["a", 1])), "a, 1");
        assert_eq!(shown(json!([])), "none");
        assert_eq!(shown(json!(true)), "true");
        assert_eq!(shown(json!({ "a": [1] })), "{\"a\":[1]}");
    }

    #[test]
    fn one_answer_is_a_member_a_line() {
        let answer = json!({ "name": "a", "limit": 1 });
        assert_eq!(whole(&answer, COLUMNS), "NAME   a\nLIMIT  1 B\nMADE   -\n");
    }
}
