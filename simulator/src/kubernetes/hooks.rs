//! Where a test gets in between: faults before and after a request is applied, an observer of every write, and a
//! trace of every request.

use std::{collections::VecDeque, sync::Mutex, time::Duration};

use super::{refusal::Refusal, request::Request, store::Change};

/// What is to become of a request that has not been applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Before {
    /// It is applied.
    Proceed,
    /// It is answered with this, and not applied.
    Refuse(Refusal),
    /// The connection breaks.
    Break,
    /// There is never an answer.
    Hang,
}

/// What is to become of the answer to a request that has been applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum After {
    /// It is delivered.
    Deliver,
    /// Another one is delivered.
    Replace(Refusal),
    /// The connection breaks.
    Break,
    /// There is never an answer.
    Hang,
}

/// Decides what goes wrong. Every method has a default under which nothing does.
pub trait Faults: Send + Sync {
    /// How long the request takes to arrive.
    fn latency(&self, _component: &str, _request: &Request) -> Duration {
        Duration::ZERO
    }

    /// When it has arrived.
    fn before(&self, _component: &str, _request: &Request) -> Before {
        Before::Proceed
    }

    /// When it has been applied.
    fn after(&self, _component: &str, _request: &Request, _outcome: &Outcome) -> After {
        After::Deliver
    }
}

/// Nothing goes wrong.
#[derive(Clone, Copy, Debug)]
pub struct NoFaults;

impl Faults for NoFaults {}

/// What came of a request.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The HTTP status.
    pub code: u16,
    /// The `Status`' reason, if it was refused.
    pub reason: &'static str,
    /// What it wrote, in order.
    pub changes: Vec<Change>,
}

/// One applied write.
#[derive(Clone, Copy, Debug)]
pub struct Applied<'a> {
    /// Who did it.
    pub component: &'a str,
    /// Which request it belongs to; one request may write twice.
    pub request: &'a Request,
    /// What it wrote.
    pub change: &'a Change,
}

/// Is told of every write, at the moment when it is applied.
pub trait Observer: Send + Sync {
    /// This was written.
    fn applied(&self, applied: &Applied<'_>);
}

/// The last requests in words, and a hash of all of them.
#[derive(Debug, Default)]
pub struct Trace(Mutex<Lines>);

#[derive(Debug)]
struct Lines {
    last: VecDeque<String>,
    hash: u64,
    count: u64,
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            last: VecDeque::new(),
            hash: 0xcbf2_9ce4_8422_2325,
            count: 0,
        }
    }
}

/// How many requests are kept in words.
const KEPT: usize = 1000;

impl Trace {
    pub(crate) fn note(&self, line: String) {
        let mut lines = self.lines();
        for byte in line.bytes() {
            lines.hash = (lines.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        lines.count += 1;
        if lines.last.len() == KEPT {
            lines.last.pop_front();
        }
        lines.last.push_back(line);
    }

    /// A hash of all requests and answers so far.
    pub fn hash(&self) -> u64 {
        self.lines().hash
    }

    /// How many requests there were.
    pub fn count(&self) -> u64 {
        self.lines().count
    }

    /// The last requests, oldest first.
    pub fn last(&self, count: usize) -> Vec<String> {
        let lines = self.lines();
        let skipped = lines.last.len().saturating_sub(count);
        lines.last.iter().skip(skipped).cloned().collect()
    }

    fn lines(&self) -> std::sync::MutexGuard<'_, Lines> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
