//! Containers that can't start, or do not stay up: what the kubelet says, the telling line of what they said themselves,
//! and what helps.

use cassandra_api::{
    identity::container,
    k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus},
    rules::{Rule, Waiting},
};

use crate::cluster::member_view::MemberView;

const PULL_PROBLEMS: &[&str] = &[
    "ErrImagePull",
    "ImagePullBackOff",
    INVALID_NAME,
    "ErrImageNeverPull",
    "ImageInspectError",
];
const INVALID_NAME: &str = "InvalidImageName";
const RUN_PROBLEMS: &[&str] = &[
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
];
/// Exit code of a process that was killed by SIGKILL.
const KILLED: i32 = 137;

/// Whether the image that can't be pulled is that of agent and bootstrapper.
pub(in crate::cluster::decide) fn lacks_the_operators_image(member: &MemberView) -> bool {
    let mut containers = member.containers();
    let lacking = containers.find(|container| pull_problem(container).is_some());
    lacking.is_some_and(is_the_operators)
}

fn is_the_operators(container: &ContainerStatus) -> bool {
    [container::AGENT, container::BOOTSTRAPPER].contains(&container.name.as_str())
}

fn pull_problem(container: &ContainerStatus) -> Option<&str> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting.reason.as_deref();
    reason.filter(|reason| PULL_PROBLEMS.contains(reason))
}

/// Only the image: the kubelet words the rest differently at every attempt.
pub(super) fn not_pulled(member: &MemberView) -> Option<Waiting> {
    let (container, problem) = member
        .containers()
        .find_map(|container| Some((container, pull_problem(container)?)))?;
    let image = &container.image;
    let particulars = match problem {
        INVALID_NAME => format!("{image} is not the name of an image"),
        "ErrImageNeverPull" => {
            format!("{image} is not on the node, and spec.imagePullPolicy is Never")
        }
        _ => format!("{image} can't be pulled"),
    };
    if is_the_operators(container) {
        let remedy = "It is the operator's own image: correct it in the operator's manifests (OPERATOR_IMAGE), or the \
                      registry that they name.";
        let waits = Rule::ImageAvailable.waits_for();
        let message = format!("waiting for {waits}: {particulars}. {remedy}");
        return Some(Waiting::saying(Rule::ImageAvailable, message));
    }
    let spec = member.member.as_ref().map(|member| &member.spec);
    let workload = spec.and_then(|spec| spec.workload.as_ref());
    let secrets = workload.map_or(&[][..], |workload| &workload.image_pull_secrets);
    let secrets: Vec<_> = secrets.iter().map(|secret| secret.name.as_str()).collect();
    let particulars = if secrets.is_empty() || problem == INVALID_NAME {
        particulars
    } else {
        format!(
            "{particulars} with Secret {}: does it exist in this namespace, and is it for this registry",
            secrets.join(", ")
        )
    };
    Some(Waiting::on(Rule::ImageAvailable, particulars))
}

/// The first container that does not stay up.
pub(super) fn not_running(member: &MemberView) -> Option<Waiting> {
    member
        .containers()
        .find_map(|container| of_container(member, container))
}

fn of_container(member: &MemberView, container: &ContainerStatus) -> Option<Waiting> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting
        .reason
        .as_deref()
        .filter(|reason| RUN_PROBLEMS.contains(reason))?;
    let last = container.last_state.as_ref();
    let last = last.and_then(|state| state.terminated.as_ref());
    let said = waiting.message.as_deref();
    let said = said.filter(|_| reason != "CrashLoopBackOff");
    let own = last.and_then(|terminated| terminated.message.as_deref());
    let words = own.or(said).and_then(telling_line);
    let words = words.map_or_else(String::new, |line| format!(": {line}"));
    let name = &container.name;
    if let Some(last) = last.filter(|last| is_out_of_memory(last)) {
        return Some(out_of_memory(member, name, last));
    }
    let ended = last.map(|terminated| format!(" (exit code {})", terminated.exit_code));
    let ended = ended.unwrap_or_default();
    let particulars = format!("container {name} does not stay up{ended}{words}");
    Some(Waiting::on(Rule::CassandraRuns, particulars))
}

fn is_out_of_memory(last: &ContainerStateTerminated) -> bool {
    last.reason.as_deref() == Some("OOMKilled") || last.exit_code == KILLED
}

/// Who was killed said nothing of it.
fn out_of_memory(member: &MemberView, name: &str, last: &ContainerStateTerminated) -> Waiting {
    let spec = member.member.as_ref().map(|member| &member.spec);
    let limit = spec.and_then(|spec| {
        let limit = spec.workload.as_ref()?.resources.limits.memory.as_ref()?;
        Some(format!(" of {limit}"))
    });
    let limit = limit.unwrap_or_default();
    let why = if last.reason.as_deref() == Some("OOMKilled") {
        format!("was killed because it used more memory than its limit{limit}")
    } else {
        format!("was killed (exit code {KILLED}), often for want of memory; its limit is{limit}")
    };
    Waiting::saying(
        Rule::CassandraRuns,
        format!(
            "waiting for {}: container {name} {why}. Raise spec.resources.limits.memory, or lower spec.config.jvm.heap: \
             Cassandra needs memory beside its heap. A corrected spec is used at once.",
            Rule::CassandraRuns.waits_for()
        ),
    )
}

/// The line that tells most of what a program said last: the innermost cause of a Java exception, else what it said before
/// the lines with which every JVM ends.
fn telling_line(said: &str) -> Option<&str> {
    const EMPTY: &[&str] = &[
        "Error: Could not create the Java Virtual Machine.",
        "Error: A fatal exception has occurred. Program will exit.",
    ];
    let telling = |line: &&str| {
        let frame = line.starts_with("at ") || line.starts_with("...");
        !line.is_empty() && !frame && !EMPTY.iter().any(|empty| line.starts_with(empty))
    };
    let lines: Vec<_> = said.lines().map(str::trim).filter(telling).collect();
    let cause = lines.iter().rfind(|line| line.starts_with("Caused by: "));
    let exception = || {
        lines
            .iter()
            .rfind(|line| line.contains("Exception") || line.contains("ERROR"))
    };
    cause.or_else(exception).or_else(|| lines.last()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_tells_the_cause_is_quoted() {
        let cases = [
            (
                "Unrecognized VM option 'NoSuchOption=3'\nError: Could not create the Java Virtual Machine.\nError: A fatal \
                 exception has occurred. Program will exit.\n",
                "Unrecognized VM option 'NoSuchOption=3'",
            ),
            (
                "ERROR [main] Exception encountered during startup\njava.lang.RuntimeException: outer\n\tat a.B.c(D.java:1)\n\
                 Caused by: java.net.BindException: Address in use\n\tat e.F.g(H.java:2)\n\t... 3 more\n",
                "Caused by: java.net.BindException: Address in use",
            ),
            ("one\ntwo\n", "two"),
        ];
        for (said, line) in cases {
            assert_eq!(telling_line(said), Some(line));
        }
        assert_eq!(telling_line("\n"), None);
    }
}
