//! Who an agent speaks for.

/// Who an agent speaks for: given by the pod, and never changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The member's namespace.
    pub namespace: String,
    /// The member's name.
    pub member: String,
    /// The member's UID.
    pub member_uid: String,
    /// The pod's address.
    pub pod_ip: String,
    /// The address that other nodes and clients use, if it is not the pod's.
    pub broadcast_address: Option<String>,
    /// UID of the volume claim.
    pub pvc_uid: Option<String>,
}
