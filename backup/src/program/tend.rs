//! What is done with backups that are there: list, show, verify, delete, prune, gc. And the making of a repository.

use backup::{
    catalogue,
    crypto::{self, Recipient},
    error::{Error, Result},
    format::{commit::Commit, repository::Description},
    gc,
    ids::{BackupId, Uuid},
    probe,
    repository::Repository,
    retention::Known,
    store::Store,
    verify,
};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::json;

use super::{
    options::{Gc, Init, One, Options, Prune, Verify},
    output::{say, size, table},
    take::new_id,
    transfer,
};

pub(crate) async fn check(options: &Options, store: &Store) -> Result<()> {
    let found = probe::run(store, &new_id()?).await?;
    let text = format!(
        "the store can be used; these credentials may {}delete; its clock and ours {}",
        if found.delete { "" } else { "not " },
        if found.clocks_agree {
            "agree"
        } else {
            "differ by more than a minute"
        }
    );
    say(options, &found, &text);
    Ok(())
}

pub(crate) async fn init(options: &Options, store: Store, request: &Init) -> Result<()> {
    for recipient in &request.recipients {
        recipient.parse::<Recipient>()?;
    }
    let random = || Ok::<_, Error>(Uuid::from_random(u128::from_be_bytes(crypto::random()?)));
    let cluster = request.cluster_uid.clone().map_or_else(random, Ok)?;
    let mut description =
        Description::new(random()?, cluster, &request.cluster_name, Timestamp::now());
    description.chunk_bytes = request.chunk << 20;
    if !request.recipients.is_empty() {
        description = description.encrypted_for(request.recipients.clone());
    }
    let wanted = description.uid.clone();
    let repository = if request.cluster_uid.is_some() {
        Repository::create(store, &description).await?
    } else {
        match Repository::open(store.clone(), None).await {
            Err(Error::NoRepository { .. }) => Repository::create(store, &description).await?,
            other => other?,
        }
    };
    let made = repository.description();
    let how = if made.uid == wanted {
        "made"
    } else {
        "was there"
    };
    let text = format!(
        "repository {} of cluster {} ({}) {how}",
        made.uid, made.cluster_name, made.cluster_uid
    );
    say(options, made, &text);
    Ok(())
}

/// The backup that is meant by an id, a name or `latest`.
pub(crate) async fn find(repository: &Repository, wanted: &str) -> Result<Commit> {
    if let Ok(id) = wanted.parse::<BackupId>() {
        return catalogue::load(repository, &id).await;
    }
    let mut found = catalogue::list(repository).await?;
    if wanted != "latest" {
        found.retain(|commit| commit.name == wanted);
        if found.len() > 1 {
            return Err(Error::Refused {
                detail: format!(
                    "{} backups are called {wanted}: say which by its id",
                    found.len()
                ),
            });
        }
    }
    found.pop().ok_or_else(|| Error::Refused {
        detail: format!("there is no backup {wanted}"),
    })
}

pub(crate) async fn list(options: &Options, repository: &Repository) -> Result<()> {
    let commits = catalogue::list(repository).await?;
    let rows: Vec<_> = commits
        .iter()
        .map(|commit| {
            let totals = commit.totals();
            vec![
                commit.backup.to_string(),
                commit.name.clone(),
                commit
                    .committed_at
                    .strftime("%Y-%m-%d %H:%M:%SZ")
                    .to_string(),
                commit.nodes.len().to_string(),
                totals.files.to_string(),
                size(totals.bytes),
                size(totals.new_bytes),
            ]
        })
        .collect();
    let head = ["ID", "NAME", "COMMITTED", "NODES", "FILES", "SIZE", "NEW"];
    say(
        options,
        &json!({ "backups": commits }),
        &table(&head, &rows),
    );
    Ok(())
}

pub(crate) async fn show(options: &Options, repository: &Repository, one: &One) -> Result<()> {
    let commit = find(repository, &one.backup).await?;
    let rows: Vec<_> = commit
        .nodes
        .iter()
        .map(|part| {
            vec![
                part.attempt.host_id.to_string(),
                part.member.clone(),
                part.datacenter.clone(),
                part.rack.clone(),
                part.cassandra.clone(),
                part.tokens.len().to_string(),
                part.snapshot_at.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
                part.totals.sstables.to_string(),
                size(part.totals.bytes),
            ]
        })
        .collect();
    let head = [
        "HOST ID", "MEMBER", "DC", "RACK", "VERSION", "TOKENS", "SNAPSHOT", "SSTABLES", "SIZE",
    ];
    let text = format!(
        "backup       {}\nname         {}\ndescription  {}\ncluster      {} ({})\ncommitted    {} by {}\nabsent       {}\n\n{}",
        commit.backup,
        commit.name,
        commit.description,
        commit.cluster_name,
        commit.cluster_uid,
        commit.committed_at,
        commit.tool,
        if commit.absent.is_empty() {
            "nobody".to_owned()
        } else {
            commit.absent.join(", ")
        },
        table(&head, &rows)
    );
    say(options, &commit, &text);
    Ok(())
}

pub(crate) async fn verify(
    options: &Options,
    repository: &Repository,
    request: &Verify,
) -> Result<u8> {
    let commit = find(repository, &request.backup).await?;
    let level = verify::Level {
        level: request.level,
        one_of: request.one_of,
        share: request.share,
    };
    let report = verify::run(repository, &transfer(options, repository), &commit, level).await?;
    let mut text = format!(
        "{} at level {}: {} nodes, {} blobs, {} of them read ({}), {} problems",
        commit.backup,
        request.level,
        report.nodes,
        report.blobs,
        report.read_blobs,
        size(report.read_bytes),
        report.problems.len()
    );
    for problem in &report.problems {
        for part in ["\n", problem.reason, ": ", &problem.message] {
            text.push_str(part);
        }
    }
    say(options, &report, &text);
    Ok(if report.problems.is_empty() { 0 } else { 6 })
}

pub(crate) async fn delete(options: &Options, repository: &Repository, one: &One) -> Result<()> {
    let commit = find(repository, &one.backup).await?;
    catalogue::delete(repository, &commit.backup, "asked for").await?;
    let text = format!(
        "{} is deleted; what only it used goes with the next gc",
        commit.backup
    );
    say(options, &json!({ "deleted": [commit.backup] }), &text);
    Ok(())
}

pub(crate) async fn prune(
    options: &Options,
    repository: &Repository,
    request: &Prune,
) -> Result<()> {
    let policy = request.policy();
    if policy.is_empty() {
        return Err(Error::Refused {
            detail: "say what to keep: without a rule everything is kept".to_owned(),
        });
    }
    let commits = catalogue::list(repository).await?;
    let known: Vec<_> = commits
        .iter()
        .map(|commit| Known {
            id: commit.backup.clone(),
            at: commit.committed_at,
            complete: commit.absent.is_empty(),
        })
        .collect();
    let verdicts = policy.judge(&known, Timestamp::now(), &TimeZone::system());
    let mut rows = Vec::new();
    for verdict in &verdicts {
        let goes = verdict.kept_by.is_empty();
        if goes && !request.dry_run {
            catalogue::delete(repository, &verdict.id, "no rule keeps it").await?;
        }
        let why = if goes {
            "deleted".to_owned()
        } else {
            verdict.kept_by.join(", ")
        };
        rows.push(vec![verdict.id.to_string(), why]);
    }
    let value = json!({ "dryRun": request.dry_run, "backups": verdicts });
    say(options, &value, &table(&["ID", "KEPT BY"], &rows));
    Ok(())
}

pub(crate) async fn gc(options: &Options, repository: &Repository, request: &Gc) -> Result<()> {
    let run = gc::Options {
        id: new_id()?,
        scratch: request.scratch.clone(),
        dry_run: request.dry_run,
    };
    let report = gc::run(repository, &run).await?;
    let text = format!(
        "{} blobs ({}) {}, {} kept ({}), {} of them young; {} attempts and {} backups cleared; {} blobs are missing",
        report.deleted,
        size(report.deleted_bytes),
        if request.dry_run {
            "would go"
        } else {
            "are gone"
        },
        report.live + report.young - report.missing,
        size(report.kept_bytes),
        report.young,
        report.attempts,
        report.backups,
        report.missing
    );
    say(options, &report, &text);
    Ok(())
}
