//! Runs that fork another one where they stand: nothing that came before is played again.
//!
//! fork(2) copies the process with the thread that calls it and no other, so a run is a process of one thread.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read as _, Seek as _, Write as _},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use fork::{Fork, fork, wait_any};

use super::Plan;

/// Forks runs and collects their reports.
pub struct Forker {
    /// How many run at a time.
    width: usize,
    /// Whether one that failed is enough.
    first: bool,
    runs: Mutex<Runs>,
    /// In a run that was forked: what goes wrong in it, and where its report goes.
    mine: OnceLock<(Plan, File)>,
}

#[derive(Default)]
struct Runs {
    under_way: BTreeMap<i32, (Plan, File)>,
    ended: Vec<Ended>,
    enough: bool,
    failure: Option<io::Error>,
}

/// What goes wrong at the write of a number, in one run each.
pub type PlansAt = Box<dyn Fn(u64) -> Vec<Plan> + Send + Sync>;

/// Runs that are forked at each write.
pub struct AtEachWrite {
    /// Forks them.
    pub forker: Forker,
    /// What goes wrong in them.
    pub plans: PlansAt,
}

impl AtEachWrite {
    /// At a write. In a run that is forked here: what goes wrong in it.
    pub(super) fn at(&self, number: u64) -> Option<Plan> {
        self.forker.each((self.plans)(number))
    }
}

/// A run that has come to its end.
pub struct Ended {
    /// What went wrong in it.
    pub plan: Plan,
    /// What it told; empty if it died.
    pub told: String,
}

impl Forker {
    /// With `first`, none is forked any more once one has failed.
    pub fn new(first: bool) -> Self {
        Self {
            width: std::thread::available_parallelism().map_or(1, usize::from),
            first,
            runs: Mutex::default(),
            mine: OnceLock::new(),
        }
    }

    /// Forks a run for each plan. In one that was forked here: what goes wrong in it. None: this run goes on
    /// as it was.
    pub fn each(&self, plans: Vec<Plan>) -> Option<Plan> {
        if self.mine.get().is_some() {
            return None;
        }
        for plan in plans {
            if self.runs().enough {
                return None;
            }
            self.wait_for_less_than(self.width);
            match self.fork(&plan) {
                Ok(true) => return Some(plan),
                Ok(false) => {}
                Err(error) => {
                    let mut runs = self.runs();
                    runs.failure = Some(error);
                    runs.enough = true;
                }
            }
        }
        None
    }

    /// Whether this is the run that was forked.
    fn fork(&self, plan: &Plan) -> io::Result<bool> {
        // Both sides have the same file: one writes, the other reads when it has ended.
        let told = tempfile::tempfile()?;
        match fork()? {
            Fork::Child => {
                // What the others tell is not for this process.
                self.runs().under_way.clear();
                drop(self.mine.set((plan.clone(), told)));
                Ok(true)
            }
            Fork::Parent(id) => {
                self.runs().under_way.insert(id, (plan.clone(), told));
                Ok(false)
            }
        }
    }

    /// In a run that was forked: what goes wrong in it.
    pub fn mine(&self) -> Option<&Plan> {
        self.mine.get().map(|(plan, _)| plan)
    }

    /// In a run that was forked: tells, and ends.
    pub fn tell(&self, report: &str, failed: bool) {
        if let Some((_, file)) = self.mine.get() {
            let mut file: &File = file;
            let told = file.write_all(report.as_bytes());
            std::process::exit(i32::from(failed || told.is_err()));
        }
    }

    /// All that was told, once every run has ended.
    pub fn ended(&self) -> io::Result<Vec<Ended>> {
        self.wait_for_less_than(1);
        let mut runs = self.runs();
        match runs.failure.take() {
            Some(error) => Err(error),
            None => Ok(std::mem::take(&mut runs.ended)),
        }
    }

    fn wait_for_less_than(&self, count: usize) {
        let mut runs = self.runs();
        while runs.under_way.len() >= count {
            let Err(error) = runs.wait(self.first) else {
                continue;
            };
            runs.failure = Some(error);
            runs.enough = true;
            return;
        }
    }

    fn runs(&self) -> MutexGuard<'_, Runs> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Runs {
    /// Waits for one of them.
    fn wait(&mut self, first: bool) -> io::Result<()> {
        let (id, status) = wait_any()?;
        let Some((plan, mut file)) = self.under_way.remove(&id) else {
            return Ok(());
        };
        let mut told = String::new();
        file.rewind()?;
        file.read_to_string(&mut told)?;
        self.enough |= first && status != 0;
        self.ended.push(Ended { plan, told });
        Ok(())
    }
}
