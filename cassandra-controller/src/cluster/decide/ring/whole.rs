//! Whether the ring is whole: all who have joined are up, see all nodes of the ring up, and have one schema.

use std::collections::BTreeSet;

use cassandra_api::{
    rules::{Rule, Waiting},
    v1alpha1::PeerState,
};

use crate::cluster::member_view::MemberView;

/// What it lacks, if anything.
pub(super) fn whole(members: &[MemberView]) -> Result<(), Waiting> {
    let joined = joined_without(members, &[]);
    all_serve(&joined)?;
    for member in &joined {
        sees_all_up(member, &joined, &[])?;
    }
    one_schema(&joined)
}

/// What the others lack, if anything, of what must be so before these are taken away for a while.
pub(super) fn whole_without(members: &[MemberView], away: &[&MemberView]) -> Result<(), Waiting> {
    let joined = joined_without(members, away);
    let (mute, heard): (Vec<_>, Vec<_>) = joined.iter().partition(|member| member.agent_is_mute());
    all_serve(&heard)?;
    if let Some(member) = mute.iter().find(|member| !member.pod_is_ready()) {
        disagree(format!("{} is not ready for Kubernetes", member.name))?;
    }
    let away: Vec<_> = away.iter().filter_map(|member| member.host_id()).collect();
    // What a mute agent last saw would be waited for for ever. While nobody else sees, it is all there is.
    let witnesses = if heard.is_empty() { &mute } else { &heard };
    for member in witnesses {
        sees_all_up(member, &joined, &away)?;
    }
    Ok(())
}

fn joined_without<'a>(members: &'a [MemberView], away: &[&MemberView]) -> Vec<&'a MemberView> {
    let stays = |member: &&MemberView| away.iter().all(|away| away.name != member.name);
    let joined = members.iter().filter(|member| member.has_joined());
    joined.filter(stays).collect()
}

fn all_serve(joined: &[&MemberView]) -> Result<(), Waiting> {
    match joined.iter().find(|member| !member.is_ready()) {
        None => Ok(()),
        Some(member) => disagree(format!("{} is {}", member.name, member.state_in_words())),
    }
}

fn disagree(particulars: String) -> Result<(), Waiting> {
    Err(Waiting::on(Rule::AllLivePeersAgree, particulars))
}

/// Whether this member sees all nodes of the ring up, whatever it sees of those that are to be away.
fn sees_all_up(member: &MemberView, joined: &[&MemberView], away: &[&str]) -> Result<(), Waiting> {
    let Some(status) = member.status() else {
        return Ok(());
    };
    let view = status.ring_view.iter();
    for peer in view.filter(|peer| !away.contains(&peer.host_id.as_str())) {
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
