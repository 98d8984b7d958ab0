//! The one place that reads XML: a bounded document becomes a tree whose elements are asked by name.
//!
//! Namespaces, attributes and comments say nothing in the answers of S3 and are passed over. A document type is refused,
//! and with it every entity but the five that XML has.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};

use crate::error::{Error, ErrorKind, Result};
use crate::limit;

/// An element: its local name, its text and what it holds.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Element {
    name: String,
    text: String,
    children: Vec<Element>,
}

impl Element {
    /// Reads a document. `UpstreamInvalid` unless it is well-formed and within the limits of depth and of elements.
    pub fn parse(document: &[u8]) -> Result<Self> {
        let mut reader = Reader::from_reader(document);
        let mut open: Vec<Self> = Vec::new();
        let (mut root, mut elements) = (None, 0);
        loop {
            let event = reader.read_event().map_err(|cause| malformed(cause.to_string()))?;
            match event {
                Event::Start(ref tag) | Event::Empty(ref tag) => {
                    elements += 1;
                    if root.is_some() || elements > limit::XML_ELEMENTS_MAX || open.len() >= limit::XML_DEPTH_MAX {
                        return Err(malformed("more elements, or deeper ones, than a document may have"));
                    }
                    let name = text_of(tag.local_name().as_ref())?.to_owned();
                    open.push(Self { name, ..Self::default() });
                    if matches!(event, Event::Empty(_)) {
                        close(&mut open, &mut root);
                    }
                }
                Event::End(_) => close(&mut open, &mut root),
                Event::Text(text) => append(&mut open, text_of(&text)?),
                Event::CData(text) => append(&mut open, text_of(&text)?),
                Event::GeneralRef(reference) => append(&mut open, resolve(&reference)?.encode_utf8(&mut [0; 4])),
                Event::DocType(_) => return Err(malformed("a document type")),
                Event::Eof => break,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            }
        }
        root.filter(|_| open.is_empty()).ok_or_else(|| malformed("a document that does not end"))
    }

    /// Its name, without a prefix.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its text, white space and all.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The first child of that name.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// All children of that name.
    pub fn children<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of the first child of that name.
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(Self::text)
    }

    /// The text of the first child of that name; `UpstreamInvalid` if there is none.
    pub fn must_have(&self, name: &str) -> Result<&str> {
        self.text_of(name).ok_or_else(|| malformed(format!("{} without {name}", self.name)))
    }
}

/// Puts the element that ends into the one around it.
fn close(open: &mut Vec<Element>, root: &mut Option<Element>) {
    let Some(ended) = open.pop() else { return };
    match open.last_mut() {
        Some(parent) => parent.children.push(ended),
        None => *root = Some(ended),
    }
}

fn append(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn text_of(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|cause| malformed(cause.to_string()))
}

fn resolve(reference: &BytesRef<'_>) -> Result<char> {
    if let Some(character) = reference.resolve_char_ref().map_err(|cause| malformed(cause.to_string()))? {
        return Ok(character);
    }
    match &**reference {
        b"amp" => Ok('&'),
        b"lt" => Ok('<'),
        b"gt" => Ok('>'),
        b"quot" => Ok('"'),
        b"apos" => Ok('\''),
        _ => Err(malformed("an entity that XML does not have")),
    }
}

fn malformed(why: impl Into<String>) -> Error {
    Error::new(ErrorKind::UpstreamInvalid, "The upstream's answer could not be read.").because(why.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_by_name() {
        let document = br#"<?xml version="1.0"?><!-- a --><List xmlns="http://s3"><Key>a&amp;b&#13; c </Key>
            <Item><Key>1</Key></Item><Item><Key><![CDATA[<2>]]></Key></Item><x:Empty xmlns:x="y"/></List>"#;
        let list = Element::parse(document).unwrap();
        assert_eq!((list.name(), list.text_of("Key")), ("List", Some("a&b\r c ")));
        let keys: Vec<_> = list.children("Item").map(|item| item.must_have("Key").unwrap()).collect();
        assert_eq!(keys, ["1", "<2>"]);
        assert_eq!(list.child("Empty").map(Element::text), Some(""));
        assert_eq!(list.must_have("None").unwrap_err().kind(), ErrorKind::UpstreamInvalid);
    }

    #[test]
    fn what_is_no_document_or_too_much_of_one_is_refused() {
        let deep = "<a>".repeat(limit::XML_DEPTH_MAX + 1) + &"</a>".repeat(limit::XML_DEPTH_MAX + 1);
        let many = format!("<a>{}</a>", "<b/>".repeat(limit::XML_ELEMENTS_MAX));
        let entity = "<!DOCTYPE a [<!ENTITY e \"x\">]><a>&e;</a>";
        for bad in ["", "text", "<a>", "<a></b>", "<a/><b/>", "<a>&unknown;</a>", entity, &deep, &many] {
            let error = Element::parse(bad.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UpstreamInvalid, "{}", bad.get(..40).unwrap_or(bad));
        }
        assert_eq!(Element::parse(b"<a>\xff</a>").unwrap_err().kind(), ErrorKind::UpstreamInvalid);
    }
}
