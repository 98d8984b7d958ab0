//! The `aws-chunked` framing of bodies, signed and unsigned, with and without a trailer
//! (S3 API: "Signature calculations: transferring payload in multiple chunks" and "… with trailing headers").

use crate::digest::{hex, hmac_sha256, sha256_hex};
use crate::sign::Scope;

/// Signs each chunk with the signature of the one before.
#[derive(Debug)]
pub struct ChunkSigner {
    key: Vec<u8>,
    scope: Scope,
    previous: String,
}

impl ChunkSigner {
    /// Begins with the signature of the request's headers.
    pub fn new(secret: &str, scope: Scope, seed: String) -> Self {
        Self { key: scope.signing_key(secret), scope, previous: seed }
    }

    fn chunk(&mut self, data: &[u8]) -> String {
        let hashes = format!("{}\n{}", sha256_hex(b""), sha256_hex(data));
        self.sign("AWS4-HMAC-SHA256-PAYLOAD", &hashes)
    }

    fn trailer(&mut self, line: &str) -> String {
        self.sign("AWS4-HMAC-SHA256-TRAILER", &sha256_hex(line.as_bytes()))
    }

    fn sign(&mut self, kind: &str, hashes: &str) -> String {
        let text = format!("{kind}\n{}\n{}\n{}\n{hashes}", self.scope.date, self.scope.text(), self.previous);
        self.previous = hex(&hmac_sha256(&self.key, text.as_bytes()));
        self.previous.clone()
    }
}

/// Frames a body. A trailer is a header's name and value.
pub fn frame(
    body: &[u8],
    chunk_bytes: usize,
    mut signer: Option<ChunkSigner>,
    trailer: Option<&(String, String)>,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 512);
    for data in body.chunks(chunk_bytes).chain(std::iter::once(&[][..])) {
        match &mut signer {
            Some(signer) => out.extend(format!("{:x};chunk-signature={}\r\n", data.len(), signer.chunk(data)).bytes()),
            None => out.extend(format!("{:x}\r\n", data.len()).bytes()),
        }
        out.extend_from_slice(data);
        if !data.is_empty() {
            out.extend_from_slice(b"\r\n");
        }
    }
    if let Some((name, value)) = trailer {
        out.extend(format!("{name}:{value}\r\n").bytes());
        if let Some(signer) = &mut signer {
            let signature = signer.trailer(&format!("{name}:{value}\n"));
            out.extend(format!("x-amz-trailer-signature:{signature}\r\n").bytes());
        }
    }
    out.extend_from_slice(b"\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published example: 65 KiB of `a` in chunks of 64 KiB.
    #[test]
    fn chunk_signatures_agree_with_the_published_example() {
        let scope = Scope { date: "20130524T000000Z".into(), region: "us-east-1".into() };
        let seed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9".to_owned();
        let signer = ChunkSigner::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", scope, seed);
        let framed = String::from_utf8(frame(&[b'a'; 66_560], 65_536, Some(signer), None)).unwrap();
        assert!(
            framed.starts_with(
                "10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n"
            )
        );
        assert!(framed.ends_with(
            "\r\n0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n"
        ));
        assert_eq!(framed.len(), 66_824);
    }

    #[test]
    fn an_unsigned_trailer_follows_the_last_chunk() {
        let trailer = ("x-amz-checksum-crc32".to_owned(), "AAAAAA==".to_owned());
        assert_eq!(
            frame(b"abc", 2, None, Some(&trailer)),
            b"2\r\nab\r\n1\r\nc\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"
        );
    }
}
