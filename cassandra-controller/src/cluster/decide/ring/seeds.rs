//! Seeds: up to three members that have joined, one of each rack first. In a ring of one rack, half of the
//! members, at least one and at most three. A member that has not joined is never a seed: Cassandra does not
//! bootstrap a node that finds itself among its seeds.

use cassandra_api::v1alpha1::Broadcast;

use crate::cluster::{member_view::MemberView, validate::Validated};

const MOST: usize = 3;

/// Addresses of the seeds, sorted.
pub(super) fn choose(cluster: &Validated<'_>, members: &[MemberView]) -> Vec<String> {
    let member_service = cluster.spec.network.broadcast == Broadcast::MemberService;
    let mut eligible: Vec<_> = members
        .iter()
        .filter(|member| member.has_joined())
        .filter_map(|member| Some((member, member.address(member_service)?)))
        .collect();
    // One of each rack first: by ordinal, then in the order of the spec, which is that of `members`.
    eligible.sort_by_key(|(member, _)| member.ordinal);
    let wanted = number(cluster.spec.racks.len(), members.len());
    let standby = eligible.split_off(wanted.min(eligible.len()));
    // A list of seeds that are all down helps nobody who starts: one that is up takes the last place.
    if !eligible.iter().any(|(member, _)| member.is_ready())
        && let Some(up) = standby.into_iter().find(|(member, _)| member.is_ready())
    {
        eligible.pop();
        eligible.push(up);
    }
    let mut addresses: Vec<_> = eligible.into_iter().map(|(_, address)| address).collect();
    addresses.sort();
    addresses
}

fn number(racks: usize, members: usize) -> usize {
    let floor = (members / 2).clamp(1, MOST);
    if racks > 1 {
        racks.clamp(floor, MOST)
    } else {
        floor
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn one_seed_of_each_rack_up_to_three() {
        assert_eq!(number(2, 2), 2);
        assert_eq!(number(3, 3), 3);
        assert_eq!(number(5, 5), 3);
        assert_eq!(number(2, 6), 3);
    }

    #[test]
    fn in_one_rack_half_of_the_members_are_seeds() {
        let cases = [(1, 1), (2, 1), (3, 1), (4, 2), (6, 3), (100, 3)];
        for (members, seeds) in cases {
            assert_eq!(number(1, members), seeds, "{members}");
        }
    }
}
