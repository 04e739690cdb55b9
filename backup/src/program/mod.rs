//! Options, subcommands and what they print.

mod fetch;
mod medusa;
mod node;
mod options;
mod output;
mod progress;
mod take;
mod tend;

use backup::{error::ErrorClass, repository::Repository, store::Store, transfer::Transfer};

pub(crate) use options::{Command, Options};
pub(crate) use output::say_error;

/// What the program returns beside 0: everything else is 1, and 2 is a wrong command line.
pub(crate) fn exit_code(class: ErrorClass) -> u8 {
    match class {
        ErrorClass::Invalid => 3,
        ErrorClass::Forbidden => 4,
        ErrorClass::Transient | ErrorClass::Throttled => 5,
        ErrorClass::Corrupt => 6,
        ErrorClass::Disk => 7,
        ErrorClass::Conflict => 8,
        ErrorClass::Bug => 1,
    }
}

/// Does what was asked.
pub(crate) async fn run(options: &Options) -> backup::Result<u8> {
    output::start_log(options);
    backup::store::install_tls();
    let store = Store::open(&options.store.settings()?)?;
    match &options.command {
        Command::Check => tend::check(options, &store).await?,
        Command::Init(init) => tend::init(options, store, init).await?,
        Command::Backup(request) => take::run(options, store, request).await?,
        Command::Commit(request) => take::commit(options, store, request).await?,
        Command::List => tend::list(options, &open(options, store).await?).await?,
        Command::Show(one) => tend::show(options, &open(options, store).await?, one).await?,
        Command::Verify(verify) => {
            return tend::verify(options, &open(options, store).await?, verify).await;
        }
        Command::Delete(one) => tend::delete(options, &open(options, store).await?, one).await?,
        Command::Prune(prune) => tend::prune(options, &open(options, store).await?, prune).await?,
        Command::Gc(gc) => tend::gc(options, &open(options, store).await?, gc).await?,
        Command::Restore(restore) => {
            fetch::restore(options, &open(options, store).await?, restore).await?;
        }
        Command::Medusa(what) => medusa::run(options, &store, what).await?,
        Command::Export(export) => {
            fetch::export(options, &open(options, store).await?, export).await?;
        }
    }
    Ok(0)
}

/// The repository, with the identities that were given.
async fn open(options: &Options, store: Store) -> backup::Result<Repository> {
    let repository = Repository::open(store, None).await?;
    Ok(repository.with_identities(options.identities()?))
}

/// What moves bytes, with the limits that were given.
fn transfer(options: &Options, repository: &Repository) -> Transfer {
    Transfer::new(options.limits(), repository.description().chunk_bytes)
}
