//! Bodies on their way: counted, and in pieces, so that neither direction is ever
//! in memory as a whole.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};
use wasmtime_wasi_http::{Error as Code, WasiBody};

use crate::causes;
use crate::exchanges::Turn;
use crate::hold::Hold;

type PolledFrame = Poll<Option<Result<Frame<Bytes>, Code>>>;

/// Bytes that a body may still have.
struct Budget {
    left: u64,
    whole: u64,
}

impl Budget {
    fn of(bytes: u64) -> Self {
        Self { left: bytes, whole: bytes }
    }

    /// Takes a frame's bytes off, trailers' too; none when they are too many.
    fn take(&mut self, frame: &Frame<Bytes>) -> Option<()> {
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        let trailers = frame.trailers_ref().into_iter().flatten();
        let trailers = trailers.map(|(name, value)| name.as_str().len() + value.len() + 4);
        let bytes = (bytes + trailers.sum::<usize>()) as u64;
        self.left = self.left.checked_sub(bytes)?;
        Some(())
    }
}

/// What a guest sends.
pub(super) struct Sent {
    inner: WasiBody,
    budget: Budget,
    /// Given back when it has been sent, or is given up.
    turn: Arc<Turn>,
    _sending: Arc<()>,
}

impl Sent {
    pub(super) fn new(inner: WasiBody, limit: u64, turn: Arc<Turn>, sending: Arc<()>) -> Self {
        Self { inner, budget: Budget::of(limit), turn, _sending: sending }
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = Code;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> PolledFrame {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        Poll::Ready(match frame {
            Some(Ok(frame)) if self.budget.take(&frame).is_none() => {
                Some(Err(Code::HttpRequestBodySize(Some(self.budget.whole))))
            }
            // A guest that is cut off ends its body, too: the server must not take
            // what it got so far for all of it.
            None if self.turn.is_over() => Some(Err(Code::ConnectionTerminated)),
            frame => frame,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream() && !self.turn.is_over()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A request's place, and its connection.
type Held = (Arc<Turn>, Hold);

/// What a guest receives.
pub(super) struct Received {
    inner: Incoming,
    budget: Budget,
    /// The longest time between two frames, and its end.
    patience: Option<(Duration, Pin<Box<Sleep>>)>,
    /// Given back when the body has ended.
    held: Option<Held>,
}

impl Received {
    pub(super) fn new(inner: Incoming, limit: u64, patience: Option<Duration>, held: Held) -> Self {
        let patience = patience.map(|time| (time, Box::pin(tokio::time::sleep(time))));
        let mut body = Self { inner, budget: Budget::of(limit), patience, held: Some(held) };
        let whole = body.inner.is_end_stream();
        body.end_if(whole);
        body
    }

    /// Gives back what is held when the body is whole.
    fn end_if(&mut self, whole: bool) {
        if whole && let Some((_, hold)) = self.held.take() {
            hold.release();
        }
    }

    /// Whether the time between two frames is over.
    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        self.patience.as_mut().is_some_and(|(_, end)| end.as_mut().poll(cx).is_ready())
    }

    fn be_patient(&mut self) {
        if let Some((time, end)) = &mut self.patience {
            let until = Instant::now() + *time;
            end.as_mut().reset(until);
        }
    }
}

impl Body for Received {
    type Data = Bytes;
    type Error = Code;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> PolledFrame {
        let frame = match Pin::new(&mut self.inner).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) if self.budget.take(&frame).is_none() => {
                Some(Err(Code::HttpResponseBodySize(Some(self.budget.whole))))
            }
            Poll::Ready(Some(Ok(frame))) => {
                self.be_patient();
                Some(Ok(frame))
            }
            Poll::Ready(Some(Err(error))) => Some(Err(causes::of_body(&error))),
            Poll::Ready(None) => None,
            Poll::Pending if self.is_late(cx) => Some(Err(Code::ConnectionReadTimeout)),
            Poll::Pending => return Poll::Pending,
        };
        match frame {
            Some(Err(_)) => self.held = None,
            None => self.end_if(true),
            Some(Ok(_)) => {
                let whole = self.inner.is_end_stream();
                self.end_if(whole);
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
