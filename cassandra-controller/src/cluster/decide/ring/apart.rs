//! Who serves and is held for down: a ring that has come apart is whole for each of its nodes' own status.
//!
//! Only those who serve are asked, for what the others say is old. Somebody whom most of the others hold for down, or who
//! holds most of them for down, is cut off: clients that reach it find no quorum. Others are told that they do not see each
//! other, and count as serving.

use cassandra_api::rules::{Rule, Waiting};

use crate::cluster::member_view::MemberView;

/// Names of a list that are said in full.
const NAMED: usize = 3;

/// A member that does not see others up, or is not seen.
#[derive(Clone, Debug)]
pub(in crate::cluster::decide) struct Apart {
    /// What is waited for.
    pub(in crate::cluster::decide) waiting: Waiting,
    /// Whether most others are on the other side.
    pub(in crate::cluster::decide) is_cut_off: bool,
}

/// Of each member whether it is apart, in their order.
pub(in crate::cluster::decide) fn apart(members: &[MemberView]) -> Vec<Option<Apart>> {
    let serves = |member: &&MemberView| member.has_joined() && member.is_ready();
    let serving: Vec<_> = members.iter().filter(serves).collect();
    let cut_off: Vec<_> = serving
        .iter()
        .filter(|member| Seen::of(member, &serving, &[]).by_most(serving.len()))
        .map(|member| member.name.as_str())
        .collect();
    let of = |member: &MemberView| {
        serves(&member).then_some(())?;
        let is_cut_off = cut_off.contains(&member.name.as_str());
        // Who does not see somebody that is cut off has nothing to do with it.
        let ignored: &[&str] = if is_cut_off { &[] } else { &cut_off };
        let seen = Seen::of(member, &serving, ignored);
        let waiting = seen.waiting(&member.name)?;
        Some(Apart {
            waiting,
            is_cut_off,
        })
    };
    members.iter().map(of).collect()
}

/// Between a member and the others that serve.
struct Seen<'a> {
    down_by: Vec<&'a str>,
    sees_down: Vec<&'a str>,
}

impl<'a> Seen<'a> {
    fn of(member: &MemberView, serving: &[&'a MemberView], ignored: &[&str]) -> Self {
        let others = || {
            serving.iter().filter(|other| {
                other.name != member.name && !ignored.contains(&other.name.as_str())
            })
        };
        let names = |some: &dyn Fn(&MemberView) -> bool| {
            others()
                .filter(|other| some(other))
                .map(|other| other.name.as_str())
                .collect()
        };
        Self {
            down_by: names(&|other| other.sees_down(member)),
            sees_down: names(&|other| member.sees_down(other)),
        }
    }

    fn by_most(&self, serving: usize) -> bool {
        let others = serving.saturating_sub(1);
        2 * self.down_by.len() > others || 2 * self.sees_down.len() > others
    }

    fn waiting(&self, name: &str) -> Option<Waiting> {
        let by_others = in_words(&self.down_by).map(|others| format!("{others} hold it for down"));
        let by_itself =
            in_words(&self.sees_down).map(|others| format!("it holds {others} for down"));
        let both: Vec<_> = by_others.into_iter().chain(by_itself).collect();
        let particulars = format!("{name} serves, and {}", both.join(", and "));
        (!both.is_empty()).then(|| Waiting::on(Rule::SeenUp, particulars))
    }
}

fn in_words(names: &[&str]) -> Option<String> {
    let first = names
        .iter()
        .take(NAMED)
        .copied()
        .collect::<Vec<_>>()
        .join(", ");
    match names.len() {
        0 => None,
        all if all > NAMED => Some(format!("{first} and {} more", all - NAMED)),
        _ => Some(first),
    }
}
