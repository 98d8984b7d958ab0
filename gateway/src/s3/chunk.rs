//! The framing of aws-chunked bodies, as far as it must be understood to bound it: s3s holds a whole chunk in memory
//! before it passes any of it on, and takes any size a client declares.

/// Largest chunk in bytes.
const CHUNK_BYTES_MAX: u64 = 16 << 20;
/// Longest chunk header, as s3s has it.
const HEADER_BYTES_MAX: usize = 1024;

/// Why a body cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChunkFault {
    /// A chunk declares more than the limit.
    TooLarge,
    /// A chunk header is not one.
    Malformed,
    /// The body ends before its last chunk.
    Unended,
}

/// Follows chunk headers as bytes pass by. Keeps nothing of the payload.
#[derive(Debug, Default)]
pub(super) struct ChunkMeter {
    state: State,
}

#[derive(Debug)]
enum State {
    /// In a header: its digits so far, whether they have ended, and how long the line is.
    Header { size: u64, digits: usize, ended: bool, length: usize },
    /// In a chunk's bytes and the line end after them.
    Chunk { left: u64 },
    /// Behind the last chunk: trailers, which s3s bounds.
    Trailers,
}

impl Default for State {
    fn default() -> Self {
        Self::Header { size: 0, digits: 0, ended: false, length: 0 }
    }
}

impl ChunkMeter {
    /// Looks at the next bytes of the body.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) -> Result<(), ChunkFault> {
        while !bytes.is_empty() {
            bytes = match self.state {
                State::Trailers => return Ok(()),
                State::Chunk { left } => {
                    let take = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    let left = left - take as u64;
                    self.state = if left == 0 { State::default() } else { State::Chunk { left } };
                    bytes.split_at(take).1
                }
                State::Header { .. } => self.header(bytes)?,
            };
        }
        Ok(())
    }

    /// Fails unless the last chunk has come: s3s takes a body without it for whole.
    pub(super) fn end(&self) -> Result<(), ChunkFault> {
        match self.state {
            State::Trailers => Ok(()),
            State::Header { .. } | State::Chunk { .. } => Err(ChunkFault::Unended),
        }
    }

    /// Reads on in a header line; returns what is behind it.
    fn header<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], ChunkFault> {
        let State::Header { size, digits, ended, length } = &mut self.state else { return Ok(bytes) };
        let mut rest = bytes;
        while let Some((&byte, tail)) = rest.split_first() {
            rest = tail;
            *length += 1;
            match (byte, (byte as char).to_digit(16)) {
                (b'\n', _) if *digits > 0 => {
                    // The line end behind the bytes belongs to the chunk.
                    self.state = if *size == 0 { State::Trailers } else { State::Chunk { left: *size + 2 } };
                    return Ok(rest);
                }
                (b';' | b'\r', _) if *digits > 0 => *ended = true,
                (_, Some(digit)) if !*ended => {
                    *size = *size << 4 | u64::from(digit);
                    *digits += 1;
                    if *size > CHUNK_BYTES_MAX || *digits > 8 {
                        return Err(ChunkFault::TooLarge);
                    }
                }
                _ if !*ended => return Err(ChunkFault::Malformed),
                _ => {}
            }
            if *length > HEADER_BYTES_MAX {
                return Err(ChunkFault::Malformed);
            }
        }
        Ok(rest)
    }
}

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(body: &[u8], step: usize) -> Result<(), ChunkFault> {
        let mut meter = ChunkMeter::default();
        body.chunks(step).try_for_each(|bytes| meter.pass(bytes))
    }

    #[test]
    fn framing_is_followed_however_it_is_cut() {
        let body = b"5;chunk-signature=abc\r\nhel\nf\r\nA\r\n0123456789\r\n0\r\nx-amz-checksum-crc32:zz\r\n\r\n";
        for step in 1..body.len() {
            assert_eq!(meter(body, step), Ok(()), "in pieces of {step}");
        }
    }

    #[test]
    fn a_body_ends_with_its_last_chunk() {
        for (body, ended) in
            [("", false), ("5\r\nhello\r\n", false), ("5\r\nhel", false), ("0\r\n", true), ("0", false)]
        {
            let mut meter = ChunkMeter::default();
            meter.pass(body.as_bytes()).unwrap();
            assert_eq!(meter.end().is_ok(), ended, "{body:?}");
        }
    }

    #[test]
    fn a_chunk_is_at_most_16_mib() {
        assert_eq!(meter(b"1000000\r\n", 1), Ok(()));
        assert_eq!(meter(b"1000001\r\n", 1), Err(ChunkFault::TooLarge));
        assert_eq!(meter(b"5\r\nhello\r\nFFFFFFFFFFFFFFFFFFFF\r\n", 3), Err(ChunkFault::TooLarge));
        assert_eq!(meter(b"0000000000001\r\n", 3), Err(ChunkFault::TooLarge), "more digits than s3s reads");
    }

    #[test]
    fn a_header_must_be_one() {
        for bad in [&b"\r\n"[..], b"g\r\n", b";x\r\n", b"-1\r\n", b"5 \r\n"] {
            assert_eq!(meter(bad, 1), Err(ChunkFault::Malformed), "{bad:?}");
        }
        let long = [b"5;".as_slice(), &[b'a'; 2000]].concat();
        assert_eq!(meter(&long, 100), Err(ChunkFault::Malformed));
    }
}
