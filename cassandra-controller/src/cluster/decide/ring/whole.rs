//! Whether the ring is whole: all who have joined are up, see all nodes of the ring up, and have one schema.

use std::collections::BTreeSet;

use cassandra_api::{
    rules::{Rule, Waiting},
    v1alpha1::PeerState,
};

use crate::cluster::member_view::MemberView;

/// What it lacks, if anything.
pub(super) fn whole(members: &[MemberView]) -> Result<(), Waiting> {
    let joined: Vec<_> = members
        .iter()
        .filter(|member| member.has_joined())
        .collect();
    for member in &joined {
        if !member.is_ready() {
            let particulars = format!("{} is {}", member.name, member.state_in_words());
            return disagree(particulars);
        }
    }
    for member in &joined {
        sees_all_up(member, &joined)?;
    }
    one_schema(&joined)
}

fn disagree(particulars: String) -> Result<(), Waiting> {
    Err(Waiting::on(Rule::AllLivePeersAgree, particulars))
}

fn sees_all_up(member: &MemberView, joined: &[&MemberView]) -> Result<(), Waiting> {
    let Some(status) = member.status() else {
        return Ok(());
    };
    for peer in &status.ring_view {
        let seen = match peer.state {
            PeerState::Up => continue,
            PeerState::Down => "down",
            PeerState::Unknown => "neither up nor down",
        };
        return disagree(format!(
            "{} sees {} ({}) {seen}",
            member.name, peer.address, peer.host_id
        ));
    }
    let sees = |other: &MemberView| {
        let mut view = status.ring_view.iter();
        view.any(|peer| Some(peer.host_id.as_str()) == other.host_id())
    };
    match joined.iter().find(|other| !sees(other)) {
        Some(unseen) => disagree(format!("{} does not see {}", member.name, unseen.name)),
        None => Ok(()),
    }
}

fn one_schema(joined: &[&MemberView]) -> Result<(), Waiting> {
    let versions: BTreeSet<_> = joined
        .iter()
        .filter_map(|member| Some(member.status()?.schema_version.as_deref()))
        .collect();
    if versions.len() > 1 || versions.contains(&None) {
        let versions: Vec<_> = versions
            .into_iter()
            .map(|version| version.unwrap_or("unknown"))
            .collect();
        let particulars = format!("there are {}", versions.join(", "));
        return Err(Waiting::on(Rule::SchemaAgrees, particulars));
    }
    Ok(())
}
