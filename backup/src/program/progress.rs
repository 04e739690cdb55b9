//! A bar on a terminal, and nothing elsewhere.

use std::{future::Future, io::IsTerminal as _, sync::Arc, time::Duration};

use backup::transfer::progress::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::options::{Options, Output};

const TICK: Duration = Duration::from_millis(200);
const TEMPLATE: &str = "{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}";

/// Shows how far the work is while it goes on.
pub(crate) async fn shown<T>(
    options: &Options,
    what: &'static str,
    progress: Arc<Progress>,
    work: impl Future<Output = T>,
) -> T {
    if options.output == Output::Json || !std::io::stderr().is_terminal() {
        return work.await;
    }
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr_with_hz(5));
    if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
        bar.set_style(style);
    }
    bar.set_message(what);
    tokio::pin!(work);
    let done = loop {
        let now = progress.snapshot();
        bar.set_length(now.bytes_total);
        bar.set_position(now.bytes_done);
        if let Ok(done) = tokio::time::timeout(TICK, &mut work).await {
            break done;
        }
    };
    bar.finish_and_clear();
    done
}
