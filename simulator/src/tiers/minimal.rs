//! The fewest faults of a swarm with which a run still fails.

use std::{collections::BTreeSet, io};

use crate::{
    faults::{Plan, SwarmPlan},
    run::{FaultCourse, Report, run},
    scenarios::Scenario,
};

/// The run with as few faults as this finds: first none after the last that matters, then one less at a time. Each
/// try is a run. A plan that is no swarm has one fault already.
pub fn minimal(scenario: Scenario, report: &Report, end: Option<&str>) -> io::Result<Report> {
    let Ok(Plan::Swarm(swarm)) = report.plan.parse() else {
        return Ok(report.clone());
    };
    let fails = |only: &BTreeSet<u64>| {
        let (seed, only) = (swarm.seed, Some(only.clone()));
        let plan = Plan::Swarm(SwarmPlan { seed, only });
        let report = run(scenario, report.seed, FaultCourse::Plan(plan), end)?;
        Ok::<_, io::Error>(report.problem.is_some().then_some(report))
    };
    let (mut least, mut most) = (0, report.faults);
    while least < most {
        let middle = u64::midpoint(least, most);
        if fails(&(0..middle).collect())?.is_some() {
            most = middle;
        } else {
            least = middle + 1;
        }
    }
    let mut needed: BTreeSet<u64> = (0..most).collect();
    let Some(mut smallest) = fails(&needed)? else {
        return Ok(report.clone());
    };
    for fault in (0..most).rev() {
        needed.remove(&fault);
        match fails(&needed)? {
            Some(smaller) => smallest = smaller,
            None => drop(needed.insert(fault)),
        }
    }
    Ok(smallest)
}
