//! What can go wrong with a call.

/// What happens to one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: it is done and answered.
    #[default]
    None,
    /// It is not done.
    Refused,
    /// It is done, and the answer is lost.
    LostReply,
    /// It is done some time later, and nobody is told: a replica that was away.
    Ghost,
}

/// Decides on each call of one gateway.
pub trait Faults: Send + Sync + 'static {
    /// What happens to this call.
    fn next(&self, call: &'static str, is_write: bool) -> Fault;
    /// Whether the caller gives way before each call, so that others come between.
    fn gives_way(&self) -> bool {
        true
    }
}

/// No faults.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFaults;

impl Faults for NoFaults {
    fn next(&self, _call: &'static str, _is_write: bool) -> Fault {
        Fault::None
    }
    fn gives_way(&self) -> bool {
        false
    }
}
