//! The permit to start. A ring is founded once, by the member that the status names; everybody else joins it, one at a
//! time, when all who have joined are up, see each other up, and have one schema. A member that has joined starts
//! again at any time, on the volume that it joined with.
//!
//! The turn is claimed in the cluster's status by compare-and-swap before a permit is given, so that two passes, or
//! two controllers, never permit two members.

use std::collections::{BTreeMap, BTreeSet};

use cassandra_api::{
    rules::{Rule, Waiting},
    v1alpha1::{Action, Broadcast, Founder, InProgress, PeerState, Refresh, Start, StartMode},
};

use super::{
    super::{
        member_view::MemberView,
        plan::{Claim, Event},
        validate::Validated,
    },
    seeds,
};

/// What one member is told, and why if it is told to wait.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct StartOrder {
    pub(super) start: Start,
    pub(super) refresh: Option<Refresh>,
    pub(super) waiting: Option<Waiting>,
}

/// Decides for every member; claims or releases the turn.
pub(super) fn decide(
    cluster: &Validated<'_>,
    members: &[MemberView],
    claim: &mut Claim,
    events: &mut Vec<Event>,
) -> BTreeMap<String, StartOrder> {
    release_turn(members, claim, events);
    let seeds = seeds::choose(cluster, members);
    let ring = ring_is_whole(members);
    let question = claim_turn(cluster, members, &ring, claim, events);
    let scene = RingContext {
        cluster,
        claim,
        seeds: &seeds,
        ring: &ring,
        somebody_has_joined: members.iter().any(MemberView::has_joined),
    };
    members
        .iter()
        .map(|member| {
            let mut told = scene.tell(member, events);
            if let Some(question) = question.as_ref().filter(|_| member.reports_joined()) {
                told.refresh = Some(Refresh {
                    id: question.clone(),
                });
            }
            (member.name.clone(), told)
        })
        .collect()
}

/// The turn is over when its member has joined.
fn release_turn(members: &[MemberView], claim: &mut Claim, events: &mut Vec<Event>) {
    claim.in_progress.retain(|turn| {
        let done = members
            .iter()
            .any(|member| member.name == turn.member && member.has_joined());
        if done {
            let note = format!("{} has joined the ring", turn.member);
            events.push(Event::normal("Joined", note).related_to(&turn.member));
        }
        !done
    });
}

/// Gives the turn to the next member, if nothing speaks against it. Returns the question that the agents have to
/// answer before.
fn claim_turn(
    cluster: &Validated<'_>,
    members: &[MemberView],
    ring: &Result<(), Waiting>,
    claim: &mut Claim,
    events: &mut Vec<Event>,
) -> Option<String> {
    let first_joined = members.iter().find(|member| member.has_joined());
    let under_way = members.iter().any(|member| {
        !member.has_joined() && matches!(member.mode(), StartMode::CreateRing | StartMode::Join)
    });
    if !claim.in_progress.is_empty() || under_way {
        return None;
    }
    if claim.founder.is_none()
        && let Some(joined) = first_joined
    {
        // The record was lost, the ring was not: nobody founds another one.
        claim.founder = Some(Founder {
            member: Some(joined.name.clone()),
            adopted_from: None,
        });
        let note = format!(
            "the ring exists: {} has joined it; the founder was not on record",
            joined.name
        );
        events.push(Event::warning("FounderRecovered", note));
    }
    let mut turn = |member: &MemberView, action: Action| {
        let started_at = cluster.observed.now.clone();
        claim.in_progress = vec![InProgress {
            member: member.name.clone(),
            action,
            started_at,
        }];
    };
    if first_joined.is_none() {
        let adopted = claim
            .founder
            .as_ref()
            .is_some_and(|founder| founder.adopted_from.is_some());
        let chosen = claim
            .founder
            .as_ref()
            .and_then(|founder| founder.member.as_ref());
        // Adopted volumes may hold a ring until every one of them has been looked at.
        let none_holds_a_ring = members.iter().all(MemberView::waits_for_permit);
        let candidate = next_in_line(members)
            .find(|member| chosen.is_none_or(|chosen| *chosen == member.name))
            .filter(|_| !adopted || none_holds_a_ring)?;
        turn(candidate, Action::Found);
        let note = format!("{} founds the ring", candidate.name);
        events.push(Event::normal("FounderChosen", note).related_to(&candidate.name));
        claim.founder = Some(Founder {
            member: Some(candidate.name.clone()),
            adopted_from: None,
        });
        return None;
    }
    let candidate = next_in_line(members).next()?;
    ring.as_ref().ok()?;
    let question = format!("{}.{}", candidate.name, candidate.epoch() + 1);
    let answered = |member: &MemberView| {
        let answer = member.status().and_then(|status| status.refresh.as_ref());
        answer.is_some_and(|refresh| refresh.id == question)
    };
    if members
        .iter()
        .filter(|member| member.has_joined())
        .all(answered)
    {
        turn(candidate, Action::Join);
        let note = format!("{} may join the ring", candidate.name);
        events.push(Event::normal("JoinPermitted", note).related_to(&candidate.name));
        return None;
    }
    Some(question)
}

/// Members that could start, in the order in which they should: every rack's first, then every rack's second.
fn next_in_line(members: &[MemberView]) -> impl Iterator<Item = &MemberView> {
    let mut waiting: Vec<_> = members
        .iter()
        .filter(|member| {
            member.mode() == StartMode::Hold && !member.has_joined() && member.waits_for_permit()
        })
        .collect();
    waiting.sort_by_key(|member| member.ordinal);
    waiting.into_iter()
}

/// Whether all who have joined are up, see all nodes of the ring up, and have one schema.
fn ring_is_whole(members: &[MemberView]) -> Result<(), Waiting> {
    let joined: Vec<_> = members
        .iter()
        .filter(|member| member.has_joined())
        .collect();
    let disagree = |particulars: String| Err(Waiting::on(Rule::AllLivePeersAgree, particulars));
    for member in &joined {
        if !member.is_ready() {
            return disagree(format!("{} is {}", member.name, member.state_in_words()));
        }
    }
    let mut schemas = BTreeSet::new();
    for member in &joined {
        let Some(status) = member.status() else {
            continue;
        };
        for peer in &status.ring_view {
            if peer.state != PeerState::Up {
                let seen = if peer.state == PeerState::Down {
                    "down"
                } else {
                    "neither up nor down"
                };
                return disagree(format!(
                    "{} sees {} ({}) {seen}",
                    member.name, peer.address, peer.host_id
                ));
            }
        }
        let sees = |other: &&&MemberView| {
            status
                .ring_view
                .iter()
                .any(|peer| Some(peer.host_id.as_str()) == other.host_id())
        };
        if let Some(unseen) = joined.iter().find(|other| !sees(other)) {
            return disagree(format!("{} does not see {}", member.name, unseen.name));
        }
        schemas.insert(status.schema_version.clone());
    }
    if schemas.len() > 1 || schemas.contains(&None) {
        let versions: Vec<_> = schemas
            .into_iter()
            .map(|version| version.unwrap_or_else(|| "unknown".into()))
            .collect();
        let particulars = format!("there are {}", versions.join(", "));
        return Err(Waiting::on(Rule::SchemaAgrees, particulars));
    }
    Ok(())
}

/// What all members have in common when each is told what to do.
struct RingContext<'a> {
    cluster: &'a Validated<'a>,
    claim: &'a Claim,
    seeds: &'a [String],
    ring: &'a Result<(), Waiting>,
    somebody_has_joined: bool,
}

impl RingContext<'_> {
    fn tell(&self, member: &MemberView, events: &mut Vec<Event>) -> StartOrder {
        let spec = member.member.as_ref().map(|member| &member.spec);
        let told = StartOrder {
            start: spec.map(|spec| spec.start.clone()).unwrap_or_default(),
            refresh: spec.and_then(|spec| spec.refresh.clone()),
            waiting: None,
        };
        if member.has_lost_its_volume() {
            let host_id = member.host_id().unwrap_or("unknown");
            let particulars = format!(
                "{} joined as host id {host_id}, and its volume is empty",
                member.name
            );
            return told
                .hold()
                .because(Waiting::on(Rule::VolumeLost, particulars));
        }
        if member.has_joined() {
            return self.tell_joined(member, told, events);
        }
        if self.has_turn(member) {
            return self.tell_next(member, told);
        }
        match told.start.mode {
            StartMode::Hold => told.because(self.reason_to_hold()),
            StartMode::CreateRing | StartMode::Join | StartMode::Rejoin | _ => told,
        }
    }

    /// Back on its own volume, as soon as the bootstrapper has seen that it is its own.
    fn tell_joined(
        &self,
        member: &MemberView,
        mut told: StartOrder,
        events: &mut Vec<Event>,
    ) -> StartOrder {
        let seen = member.reports_joined() || member.own_volume().is_some_and(|own| own.joined);
        let refused = member
            .volume()
            .is_some_and(|volume| volume.refusal.is_some());
        if !seen || (refused && told.start.mode == StartMode::Hold) {
            return told;
        }
        if told.start.mode != StartMode::Rejoin {
            if told.start.mode == StartMode::Hold {
                let note = format!("{} has joined before and starts on its volume", member.name);
                events.push(Event::normal("RestartPermitted", note).related_to(&member.name));
            }
            told.start.epoch += 1;
            told.start.mode = StartMode::Rejoin;
        }
        if !self.seeds.is_empty() {
            told.start.seeds = self.seeds.to_vec();
        }
        told
    }

    /// Its turn has come and is on record.
    fn tell_next(&self, member: &MemberView, mut told: StartOrder) -> StartOrder {
        let Some(turn) = self
            .cluster
            .status
            .in_progress
            .first()
            .filter(|_| self.turn_is_recorded())
        else {
            return told;
        };
        // The bootstrapper may have refused the volume since the turn was claimed.
        if told.start.mode != StartMode::Hold || !member.waits_for_permit() {
            return told;
        }
        let member_service = self.cluster.spec.network.broadcast == Broadcast::MemberService;
        let (mode, seeds) = match turn.action {
            // Whoever has joined has a ring: another one would be a second.
            Action::Found if self.somebody_has_joined => return told,
            Action::Found => (
                StartMode::CreateRing,
                member.address(member_service).into_iter().collect(),
            ),
            Action::Join => {
                if let Err(waiting) = self.ring {
                    return told.because(waiting.clone());
                }
                (StartMode::Join, self.seeds.to_vec())
            }
            _ => return told,
        };
        if seeds.is_empty() {
            return told;
        }
        told.start = Start {
            epoch: told.start.epoch + 1,
            mode,
            seeds,
        };
        told
    }

    fn has_turn(&self, member: &MemberView) -> bool {
        self.claim
            .in_progress
            .iter()
            .any(|turn| turn.member == member.name)
    }

    fn turn_is_recorded(&self) -> bool {
        self.claim.in_progress == self.cluster.status.in_progress
    }

    fn reason_to_hold(&self) -> Waiting {
        if let Some(turn) = self.claim.in_progress.first() {
            return match turn.action {
                Action::Found => Waiting::on(
                    Rule::FounderFirst,
                    format!("{} founds the ring", turn.member),
                ),
                Action::Join | _ => Waiting::on(
                    Rule::OneTopologyChange,
                    format!("{} is joining", turn.member),
                ),
            };
        }
        match (&self.claim.founder, self.ring) {
            (None, _) => Waiting::on(
                Rule::FounderFirst,
                "no member is ready to found the ring yet",
            ),
            (Some(_), Err(waiting)) => waiting.clone(),
            (Some(_), Ok(())) => Waiting::on(Rule::AllLivePeersAgree, "they are being asked"),
        }
    }
}

impl StartOrder {
    fn because(mut self, waiting: Waiting) -> Self {
        self.waiting = Some(waiting);
        self
    }

    fn hold(mut self) -> Self {
        if self.start.mode != StartMode::Hold {
            self.start = Start {
                epoch: self.start.epoch + 1,
                mode: StartMode::Hold,
                seeds: Vec::new(),
            };
        }
        self
    }
}
