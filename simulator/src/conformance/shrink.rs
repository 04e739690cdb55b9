//! A shorter sequence with a difference: what of a sequence does not matter is left out.

use std::ops::Range;

use anyhow::Result;

use super::sequence::Difference;

/// How many shorter sequences are tried.
const ATTEMPTS: usize = 300;

/// Leaves out parts of a sequence, smaller and smaller ones, as long as what is left differs when it is played. At
/// last no single request can be left out. The first one stays: it makes the namespace.
pub(super) async fn shrunk(
    mut best: Difference,
    mut play: impl AsyncFnMut(&[usize]) -> Result<Option<Difference>>,
) -> Result<Difference> {
    let mut attempts = 0;
    let mut size = best.steps.len() / 2;
    while size > 0 && attempts < ATTEMPTS {
        let before = best.steps.len();
        let mut start = 1;
        while start < best.steps.len() && attempts < ATTEMPTS {
            attempts += 1;
            match play(&without(&best.steps, start..start + size)).await? {
                Some(shorter) => best = shorter,
                None => start += size,
            }
        }
        // What was needed by something that is gone now is no longer needed.
        let again = size == 1 && best.steps.len() < before;
        if !again {
            size /= 2;
        }
    }
    Ok(best)
}

fn without(steps: &[usize], part: Range<usize>) -> Vec<usize> {
    let left = steps.iter().enumerate();
    let left = left.filter(|(index, _)| !part.contains(index));
    left.map(|(_, step)| *step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(steps: &[usize]) -> Difference {
        Difference {
            seed: 1,
            steps: steps.to_vec(),
            words: format!("{} requests", steps.len()),
        }
    }

    /// Shrinks a sequence of a hundred requests that differs as `differs` says. What is left, and how many were tried.
    async fn shrink(differs: impl Fn(&[usize]) -> bool) -> (Vec<usize>, usize) {
        let mut tried = 0;
        let all: Vec<usize> = (0..100).collect();
        let left = shrunk(difference(&all), async |steps: &[usize]| {
            tried += 1;
            Ok(differs(steps).then(|| difference(steps)))
        })
        .await
        .unwrap();
        assert_eq!(left.words, format!("{} requests", left.steps.len()));
        (left.steps, tried)
    }

    #[tokio::test]
    async fn what_a_difference_needs_is_left_and_nothing_else() {
        for needed in [
            vec![0],
            vec![0, 99],
            vec![0, 1, 2],
            vec![0, 7, 23, 60],
            vec![0, 10, 11, 50, 98, 99],
        ] {
            let (left, _) = shrink(|steps| needed.iter().all(|step| steps.contains(step))).await;
            assert_eq!(left, needed);
        }
    }

    #[tokio::test]
    async fn what_only_another_request_needed_goes_with_it() {
        // Without 40, which is looked at after 20, 20 does not matter.
        let differs = |steps: &[usize]| {
            let has = |step| steps.contains(&step);
            has(70) && (has(20) || !has(40))
        };
        assert_eq!(shrink(differs).await.0, [0, 70]);
    }

    #[tokio::test]
    async fn a_difference_that_does_not_come_again_stays_as_it_was() {
        let (left, tried) = shrink(|_| false).await;
        assert_eq!(left.len(), 100);
        assert!(tried <= ATTEMPTS);
    }

    #[tokio::test]
    async fn it_ends_where_much_is_needed() {
        let (left, tried) = shrink(|steps| steps.len() >= 60).await;
        assert!(left.len() < 100);
        assert!(tried <= ATTEMPTS);
    }
}
