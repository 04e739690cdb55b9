//! Asks the agent again and again until Cassandra may start.

use std::{future::Future, io, net::IpAddr, time::Duration};

use cassandra_api::v1alpha1::VolumeStatus;
use cassandra_management::{
    AgentClient, Error,
    marker::Marker,
    start_request::{StartRequest, StartResponse},
};
use tokio::time::{Instant, sleep};

use crate::{
    judge::Owner,
    permit::{self, Heard, Step},
    refusal::Refusal,
    volume::Volume,
};

/// Time between an answer and the next question.
const PAUSE: Duration = Duration::from_secs(1);

/// Who can be asked for the permit.
pub trait Agent {
    /// Asks. An error is no answer.
    fn ask(
        &self,
        question: &StartRequest,
    ) -> impl Future<Output = Result<StartResponse, Error>> + Send;
}

impl Agent for AgentClient {
    fn ask(
        &self,
        question: &StartRequest,
    ) -> impl Future<Output = Result<StartResponse, Error>> + Send {
        Self::ask(self, question)
    }
}

/// A member that waits for its permit to start.
#[derive(Debug)]
pub struct Waiter<'a, A> {
    /// Whose data its volume must hold.
    pub owner: &'a Owner,
    /// The address that other nodes use.
    pub own_address: IpAddr,
    /// Who is asked.
    pub agent: &'a A,
    /// What is wrong with the configuration, if anything.
    pub configuration: Option<String>,
}

impl<A: Agent> Waiter<'_, A> {
    /// Asks until Cassandra may start. The volume is looked at anew for each question.
    pub async fn wait(
        &self,
        mut look: impl FnMut() -> io::Result<Volume>,
    ) -> io::Result<(Volume, permit::StartPermit)> {
        let mut heard = Heard::Nothing;
        let mut answered = Instant::now();
        let mut denied = false;
        let mut told = String::new();
        loop {
            let volume = look()?;
            let question = StartRequest {
                volume: self.facts(&volume, &self.step(&volume, &heard, denied)),
            };
            heard = match self.agent.ask(&question).await {
                Ok(answer) => {
                    answered = Instant::now();
                    Heard::StartResponse(answer)
                }
                Err(_) => Heard::Silence(answered.elapsed()),
            };
            denied = permit::denies(self.owner, &volume, &heard).unwrap_or(denied);
            match self.step(&volume, &heard, denied) {
                Step::Start(permit) => return Ok((volume, permit)),
                Step::Refuse(refusal) => tell(&mut told, refusal.to_string(), true),
                Step::Wait(waiting) => tell(&mut told, waiting.to_string(), false),
            }
            sleep(PAUSE).await;
        }
    }

    fn step(&self, volume: &Volume, heard: &Heard, denied: bool) -> Step {
        let step = permit::decide(self.owner, self.own_address, volume, heard, denied);
        match (&self.configuration, &step) {
            (Some(problem), Step::Wait(_) | Step::Start(_)) => {
                Step::Refuse(Refusal::Configuration(problem.clone()))
            }
            _ => step,
        }
    }

    fn facts(&self, volume: &Volume, step: &Step) -> VolumeStatus {
        let facts = volume
            .marker()
            .map_or_else(VolumeStatus::default, Marker::facts);
        VolumeStatus {
            pvc_uid: self.owner.identity.pvc_uid.clone(),
            refusal: match step {
                Step::Refuse(refusal) => Some(refusal.waiting()),
                Step::Wait(_) | Step::Start(_) => None,
            },
            ..facts
        }
    }
}

/// Logs what is waited for, when it is something else than before.
fn tell(told: &mut String, now: String, is_refusal: bool) {
    if *told == now {
        return;
    }
    if is_refusal {
        tracing::error!("not starting Cassandra: {now}");
    } else {
        tracing::info!("{now}");
    }
    *told = now;
}
