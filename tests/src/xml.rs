//! A small owned XML tree, enough to read an S3 answer.

use roxmltree::{Document, Node};

/// An element: its name, its own text, its children in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Xml {
    /// Local name.
    pub name: String,
    /// Text directly inside.
    pub text: String,
    /// Child elements.
    pub children: Vec<Xml>,
}

impl Xml {
    /// Parses a document; what is not well-formed is an error with its text.
    pub fn parse(text: &str) -> Result<Xml, String> {
        let document = Document::parse(text).map_err(|e| format!("{e} in {text}"))?;
        Ok(Xml::from(document.root_element()))
    }

    fn from(node: Node<'_, '_>) -> Xml {
        Xml {
            name: node.tag_name().name().to_owned(),
            text: node.children().filter_map(|c| if c.is_text() { c.text() } else { None }).collect(),
            children: node.children().filter(Node::is_element).map(Xml::from).collect(),
        }
    }

    /// All elements at `path` (`A/B` is B inside A inside this element).
    pub fn all(&self, path: &str) -> Vec<&Xml> {
        path.split('/').fold(vec![self], |found, name| {
            found.into_iter().flat_map(|e| e.children.iter().filter(|c| c.name == name)).collect()
        })
    }

    /// The texts of all elements at `path`.
    pub fn texts(&self, path: &str) -> Vec<String> {
        self.all(path).into_iter().map(|e| e.text.clone()).collect()
    }

    /// The text of the first element at `path`, `None` when there is no such element.
    pub fn get(&self, path: &str) -> Option<&str> {
        self.all(path).into_iter().next().map(|e| e.text.as_str())
    }

    /// The text at `path`; panics when there is no such element.
    #[track_caller]
    pub fn text(&self, path: &str) -> &str {
        self.get(path).unwrap_or_else(|| panic!("no {path} in {self:#?}"))
    }
}

/// Escapes text for an element.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"),
            '\n' => out.push_str("&#10;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_by_path_in_order() {
        let xml = Xml::parse("<R><K><N>a</N></K><K><N>b&amp;c</N></K></R>").unwrap();
        assert_eq!(xml.texts("K/N"), ["a", "b&c"]);
        assert_eq!(xml.get("K/M"), None);
    }

    #[test]
    fn what_is_escaped_reads_back() {
        let odd = "<a & \"b\">\r\n";
        assert_eq!(Xml::parse(&format!("<R>{}</R>", escape(odd))).unwrap().text, odd);
    }
}
