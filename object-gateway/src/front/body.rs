//! A request's body on its way in: counted, cut off when the client is silent for too long, its chunks looked at.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Buf as _, Bytes};
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use super::chunks::Guard;

/// The client was silent for too long.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the client sent nothing for too long")]
pub struct Idle;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How far a body has come.
#[derive(Debug, Default)]
pub(super) struct Progress {
    bytes: AtomicU64,
    over: AtomicBool,
}

impl Progress {
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether all of it was read.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    pub(super) fn finish(&self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

/// A body that is watched.
pub(super) struct Watched<B> {
    inner: B,
    guard: Option<Guard>,
    idle: Pin<Box<Sleep>>,
    limit: Duration,
    progress: Arc<Progress>,
}

impl<B> Watched<B> {
    pub(super) fn new(inner: B, chunked: bool, limit: Duration, progress: Arc<Progress>) -> Self {
        let guard = chunked.then(Guard::default);
        Self {
            inner,
            guard,
            idle: Box::pin(sleep(limit)),
            limit,
            progress,
        }
    }
}

impl<B> Body for Watched<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(context) else {
            return match self.idle.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(Some(Err(Box::new(Idle)))),
                Poll::Pending => Poll::Pending,
            };
        };
        let next = Instant::now() + self.limit;
        self.idle.as_mut().reset(next);
        let Some(frame) = frame else {
            return Poll::Ready(None);
        };
        let frame = frame.map_err(Into::into)?;
        if let Some(data) = frame.data_ref() {
            self.progress
                .bytes
                .fetch_add(data.remaining() as u64, Ordering::Relaxed);
            if let Some(guard) = &mut self.guard {
                guard.pass(data.chunk())?;
            }
        }
        if self.inner.is_end_stream() {
            self.progress.finish();
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }
}

/// Calls back when a body is gone, with how many bytes of it went out.
pub(super) struct Finished<B, F: FnOnce(u64)> {
    inner: B,
    sent: u64,
    done: Option<F>,
}

impl<B, F: FnOnce(u64)> Finished<B, F> {
    pub(super) fn new(inner: B, done: F) -> Self {
        Self {
            inner,
            sent: 0,
            done: Some(done),
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin, F: FnOnce(u64) + Unpin> Body for Finished<B, F> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            self.sent += data.remaining() as u64;
        }
        polled
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }
}

impl<B, F: FnOnce(u64)> Drop for Finished<B, F> {
    fn drop(&mut self) {
        if let Some(done) = self.done.take() {
            done(self.sent);
        }
    }
}
