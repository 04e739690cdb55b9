//! Whose host id is whose. A status can be wrong: somebody may have written it, or a volume was changed for another. So a
//! host id is noted once, when its member has joined; after that no status changes it. And no two members have the same.

use cassandra_api::rules::{Rule, Waiting};

use crate::cluster::member_view::MemberView;

/// Notes of each member why the host id that its status tells is not believed.
pub(super) fn doubt(members: &mut [MemberView]) {
    let doubts: Vec<_> = members
        .iter()
        .map(|member| doubt_of(member, members))
        .collect();
    for (member, doubt) in members.iter_mut().zip(doubts) {
        member.doubt = doubt;
    }
}

fn doubt_of(member: &MemberView, all: &[MemberView]) -> Option<Waiting> {
    let (name, told) = (&member.name, member.reported_host_id()?);
    let known = member.known_host_id();
    if let Some(known) = known.filter(|known| *known != told) {
        let particulars = format!("the status of {name} tells host id {told}, and it is {known}");
        return Some(Waiting::on(Rule::HostIdAgrees, particulars));
    }
    let mut others = all.iter().filter(|other| other.name != *name);
    let same = |other: &&MemberView| {
        let noted = other.known_host_id() == Some(told);
        noted || (known.is_none() && other.reported_host_id() == Some(told))
    };
    let other = others.find(same).filter(|_| known.is_none())?;
    let particulars = format!(
        "the status of {name} tells host id {told}, which is that of {}",
        other.name
    );
    Some(Waiting::on(Rule::HostIdAgrees, particulars))
}
