//! What a command needs of the machine is looked at before it begins. What can be installed is installed: Debian's
//! packages, Rust's components and target. If something can't, nothing is begun, and one message lists all of it.
//!
//! * `needs`: the table, what each kind of work needs; `machine`: what there is.
//! * `plan`: what to install, and what nobody but the user can.

mod machine;
mod needs;
mod plan;

use anyhow::Result;

pub use self::needs::Work;
pub use self::plan::static_target;

use self::machine::Machine;
use self::plan::Plan;
use crate::process::run;
use crate::progress::Progress;

/// Makes the machine ready for this work, or says what it lacks.
pub fn prepare(work: &[Work], progress: Progress) -> Result<()> {
    let needs = needs::of(work);
    if needs.is_empty() {
        return Ok(());
    }
    let plan = Plan::of(&needs, &Machine::look(&needs)?);
    for step in plan.steps()? {
        progress.step(&step.to_string(), || {
            step.commands()?.iter_mut().try_for_each(run)
        })?;
    }
    Ok(())
}
