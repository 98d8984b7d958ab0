//! What the gateway and a worker say to each other over the worker's standard input and output: a length in four bytes,
//! then a message in postcard. The gateway asks nothing of a worker but that it ends; whatever a worker says is held
//! against the bounds and the caller's rights by whoever reads it.

use std::io::{self, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A script to run, and what it is told.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Task {
    pub(super) name: String,
    pub(super) source: String,
    /// Parameters of the request, no name twice.
    pub(super) vars: Vec<(Vec<u8>, Vec<u8>)>,
}

/// To a worker.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum ToWorker {
    Run(Task),
    Reply(Replied),
}

/// What came of what a script asked for, or why nothing did.
pub(super) type Replied = Result<Reply, String>;

/// From a worker.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum FromWorker {
    Ask(Operation),
    /// The script has ended, and the worker can be given another.
    End(Ending),
    /// The same, but the worker ends too, since the script would go on.
    Last(Ending),
}

/// Something that a script wants done in its bucket.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Operation {
    Get(Vec<u8>),
    Set(Setting),
    Add { key: Vec<u8>, by: String, ttl: Option<u64> },
    Delete(Vec<u8>),
    List(Listing),
    Transact(Vec<Step>),
    Token { prefix: Vec<u8>, permissions: Vec<String>, ttl: Option<u64> },
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Setting {
    pub(super) key: Vec<u8>,
    pub(super) value: Vec<u8>,
    pub(super) ttl: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Listing {
    pub(super) prefix: Option<Vec<u8>>,
    pub(super) after: Option<Vec<u8>>,
    pub(super) skip: u64,
    pub(super) limit: Option<u64>,
    pub(super) reverse: bool,
    pub(super) values: bool,
}

/// A step of a transaction.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Step {
    Set(Setting),
    Delete(Vec<u8>),
    Check(Vec<u8>, Option<Vec<u8>>),
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    Done,
    Text(Vec<u8>),
    /// A number as a counter keeps it.
    Number(String),
    /// Keys, with their values if those were asked for.
    Keys(Vec<(Vec<u8>, Option<Vec<u8>>)>),
}

/// How a script ended.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Ending {
    /// By itself: this is its answer.
    Finished(Output),
    /// By an error of its own, which has this message.
    Failed(String),
    /// By a limit, for this reason.
    Stopped(String),
}

/// What a script answers.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Output {
    pub(super) status: u16,
    pub(super) content_type: Option<Vec<u8>>,
    /// Where it sends the client.
    pub(super) location: Option<Vec<u8>>,
    pub(super) body: Vec<u8>,
}

/// A message with its length before it.
pub(super) fn pack(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut frame = postcard::to_extend(message, vec![0; 4]).map_err(io::Error::other)?;
    let length = u32::try_from(frame.len() - 4).map_err(io::Error::other)?;
    if let Some(place) = frame.first_chunk_mut::<4>() {
        *place = length.to_be_bytes();
    }
    Ok(frame)
}

/// How long the message behind these bytes is; one that is longer than `max` is none.
pub(super) fn length(bytes: [u8; 4], max: usize) -> io::Result<usize> {
    let length = usize::try_from(u32::from_be_bytes(bytes)).map_err(io::Error::other)?;
    if length <= max { Ok(length) } else { Err(io::Error::other("a message is too long")) }
}

/// A message, less its length.
pub(super) fn unpack<T: DeserializeOwned>(message: &[u8]) -> io::Result<T> {
    postcard::from_bytes(message).map_err(io::Error::other)
}

/// Sends a message.
pub(super) fn send(to: &mut dyn Write, message: &impl Serialize) -> io::Result<()> {
    write(to, &pack(message)?)
}

/// Sends a message that is packed.
pub(super) fn write(to: &mut dyn Write, frame: &[u8]) -> io::Result<()> {
    to.write_all(frame)?;
    to.flush()
}

/// Waits for a message.
pub(super) fn receive<T: DeserializeOwned>(from: &mut dyn Read, max: usize) -> io::Result<T> {
    let mut head = [0; 4];
    from.read_exact(&mut head)?;
    let mut message = vec![0; length(head, max)?];
    from.read_exact(&mut message)?;
    unpack(&message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 64;

    #[test]
    fn a_message_comes_back_and_the_next_one_behind_it() {
        let mut line = Vec::new();
        send(&mut line, &FromWorker::Ask(Operation::Get(b"k".to_vec()))).unwrap();
        send(&mut line, &FromWorker::End(Ending::Failed("s:1: x".to_owned()))).unwrap();
        let mut line = &*line;
        let first: FromWorker = receive(&mut line, MAX).unwrap();
        assert!(matches!(first, FromWorker::Ask(Operation::Get(key)) if key == b"k"));
        let second: FromWorker = receive(&mut line, MAX).unwrap();
        assert!(matches!(second, FromWorker::End(Ending::Failed(message)) if message == "s:1: x"));
        assert_eq!(receive::<FromWorker>(&mut line, MAX).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_message_that_is_too_long_is_refused_by_its_length_alone() {
        let long = FromWorker::Ask(Operation::Get(vec![0; MAX]));
        assert!(receive::<FromWorker>(&mut &*pack(&long).unwrap(), MAX).is_err());
        assert!(receive::<FromWorker>(&mut &[0xFF; 8][..], MAX).is_err());
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let whole = pack(&FromWorker::Ask(Operation::Transact(vec![Step::Check(vec![1, 2], None)]))).unwrap();
        let message = &whole[4..];
        unpack::<FromWorker>(message).unwrap();
        for end in 0..message.len() {
            assert!(unpack::<FromWorker>(&message[..end]).is_err(), "cut at {end}");
        }
        // A list that says it has more entries than there can be takes no memory for them.
        assert!(unpack::<FromWorker>(&[0, 5, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]).is_err());
        assert!(unpack::<FromWorker>(&[9]).is_err());
    }
}
