//! Connections, one pool of them for each plugin: an address that one package
//! may reach must not serve another. Only addresses that were checked are dialled.

use std::convert::Infallible;
use std::future::Ready;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use distri_call::package::Package;
use http::Uri;
use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::connect::{self, Connected, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};
use tower_service::Service;
use wasmtime_wasi_http::Error as Code;

use crate::address;
use crate::body::Sent;
use crate::dialer::Dialer;
use crate::failure::Failure;
use crate::hold::Watched;
use crate::resolver::Resolver;
use crate::room::{self, Kept, Places, Room};
use crate::target::Target;

/// Time for a connection: the lookup, TCP, and TLS. Addresses of one name share it. The call's own time may be over before.
const CONNECT: Duration = Duration::from_secs(10);

/// How long a connection is kept for the next request. Many servers close theirs
/// after a minute, and a request that meets that moment is lost.
const IDLE: Duration = Duration::from_secs(30);

/// Connections to one host that are kept: those of a call that uses all it may.
const IDLE_PER_HOST: usize = 128;

/// Lookups of one plugin at once: its slow names must not hold up another's.
const LOOKUPS: usize = 8;

/// Sessions of TLS that are remembered.
const SESSIONS: usize = 64;

/// Bytes that a connection buffers, in each direction. Also the longest header of
/// a response, four times what servers commonly send at most.
pub(super) const BUFFER: usize = 64 << 10;

/// Bytes that are read at once.
const PIECE: usize = 16 << 10;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A plugin's connections.
pub(crate) struct Connections {
    /// The pool that the next request is sent through; none when it is to be a new one.
    pool: Mutex<Option<Pool>>,
    /// Connections that the plugin may still make.
    room: Arc<Room>,
    connector: Connector,
}

pub(super) type Pool = Client<Connector, Sent>;

impl Connections {
    /// None yet.
    pub(crate) fn new(package: &Arc<Package>, dialer: &Dialer) -> Self {
        let mut tls = rustls::ClientConfig::clone(&dialer.tls);
        // Sessions are not shared either.
        tls.resumption = rustls::client::Resumption::in_memory_sessions(SESSIONS);
        let room = Arc::new(Room::new(package.limits.http_connections));
        let connector = Connector {
            package: Arc::clone(package),
            resolver: Arc::clone(&dialer.resolver),
            tls: Arc::new(tls),
            room: Arc::clone(&room),
            lookups: Arc::new(Semaphore::new(LOOKUPS)),
            all: Arc::clone(&dialer.room),
            longest: package.limits.timeout,
        };
        Self { pool: Mutex::default(), room, connector }
    }

    /// The plugin's room for connections.
    pub(super) fn room(&self) -> &Room {
        &self.room
    }

    /// The pool to send a request through that has its places. While others wait for
    /// theirs it is one of its own, which keeps no connection.
    pub(super) fn pool(&self) -> Pool {
        let mut current = self.lock();
        if self.room.is_crowded() || self.connector.all.is_crowded() {
            return pool(&self.connector);
        }
        current.get_or_insert_with(|| pool(&self.connector)).clone()
    }

    /// A pool in which no connection is kept. Those that idle are closed: a server that
    /// gave one up has most often given up all.
    pub(super) fn fresh(&self) -> Pool {
        self.close_idle();
        self.pool()
    }

    /// Closes what idles, and lets the rest finish.
    pub(super) fn close_idle(&self) {
        drop(self.lock().take());
    }

    fn lock(&self) -> MutexGuard<'_, Option<Pool>> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn pool(connector: &Connector) -> Pool {
    Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(IDLE_PER_HOST)
        .http1_max_buf_size(BUFFER)
        .set_host(false)
        .build(connector.clone())
}

/// Makes connections, within the plugin's limits.
#[derive(Clone)]
pub(super) struct Connector {
    package: Arc<Package>,
    resolver: Arc<dyn Resolver>,
    tls: Arc<rustls::ClientConfig>,
    /// Room for the plugin's connections, and for all of the host's.
    room: Arc<Room>,
    all: Arc<Room>,
    /// Lookups that may still be begun.
    lookups: Arc<Semaphore>,
    /// The longest time that sending may make no progress: a call's.
    longest: Duration,
}

impl Connector {
    async fn connect(self, uri: Uri, places: Places) -> Result<Connection, BoxError> {
        let target = Target::of(&uri)?;
        let found = match target.literal() {
            Some(address) => vec![address],
            None => self.resolve(&target.host).await.map_err(|error| {
                tracing::debug!(%error, "a name was not found");
                not_found()
            })?,
        };
        let addresses = Checked::of(&self.package, &target, &found)?;
        let mut tcp = HttpConnector::new_with_resolver(addresses);
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT));
        tcp.set_nodelay(true);
        let io = HttpsConnector::from((tcp, self.tls)).call(uri).await?;
        let watched = Watched::default();
        let ended = Box::pin(watched.end.clone().cancelled_owned());
        Ok(Connection { io, watched, ended, stalled: None, longest: self.longest, _places: places })
    }

    /// Looks a name up. A lookup may go on when nobody waits for it any more, and
    /// counts for as long.
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let lookup = Arc::clone(&self.lookups).acquire_owned().await.map_err(io::Error::other)?;
        let (resolver, host) = (Arc::clone(&self.resolver), host.to_owned());
        let found = tokio::spawn(async move {
            let found = resolver.resolve(&host).await;
            drop(lookup);
            found
        });
        found.await.map_err(io::Error::other)?
    }
}

impl Service<Uri> for Connector {
    type Response = Connection;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Connection, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        let kept = Kept::taken();
        Box::pin(async move {
            let end = Instant::now() + CONNECT;
            let places = match kept {
                Some(places) => places,
                // hyper sends it once more: the connection it had was gone.
                None => room::places(&connector.room, &connector.all, end, || {}, || {}).await?,
            };
            let connection = timeout_at(end, connector.connect(uri, places)).await;
            connection.map_err(|_| Code::ConnectionTimeout)?
        })
    }
}

/// Addresses that were checked, as all that there is to dial.
#[derive(Clone)]
struct Checked(Vec<SocketAddr>);

impl Checked {
    /// Those of a host's addresses that the plugin may reach.
    ///
    /// # Errors
    ///
    /// `denied` when there are addresses but none of those.
    fn of(package: &Package, target: &Target, found: &[IpAddr]) -> Result<Self, Failure> {
        let origin = (target.scheme(), target.host.as_str(), target.port);
        let mut refused = None;
        let mut allowed = Vec::with_capacity(found.len());
        for &address in found {
            let meant = address::canonical(address);
            match address::special(meant) {
                Some(what) if !package.grant.allows_address(origin, meant) => {
                    refused.get_or_insert((meant, what));
                }
                _ => allowed.push(SocketAddr::new(address, target.port)),
            }
        }
        match refused {
            Some((address, what)) if allowed.is_empty() => {
                let origin = target.to_string();
                let denied = package.grant.denied_address((&origin, &target.host), address, what);
                Err(denied.into())
            }
            _ if allowed.is_empty() => Err(not_found().into()),
            _ => Ok(Self(allowed)),
        }
    }
}

/// The resolver of the one connection that they are for.
impl Service<Name> for Checked {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Name) -> Self::Future {
        std::future::ready(Ok(std::mem::take(&mut self.0).into_iter()))
    }
}

fn not_found() -> Code {
    Code::DnsError { rcode: Some("the name has no address".to_owned()), info_code: None }
}

type Stream = <HttpsConnector<HttpConnector<Checked>> as Service<Uri>>::Response;

/// A connection, which counts for as long as it is open.
pub(super) struct Connection {
    io: Stream,
    /// What its requests know of it.
    watched: Watched,
    /// Is over when its request was given up.
    ended: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// Set while sending makes no progress: when to give it up.
    stalled: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    longest: Duration,
    _places: Places,
}

impl Connection {
    /// What became of sending. A server may answer, then neither read on nor close:
    /// nobody waits for such a connection, and nothing else ends it.
    fn sent<T>(&mut self, cx: &mut Context<'_>, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if poll.is_pending() {
            let (longest, end) = (self.longest, &self.watched.end);
            let stalled = self.stalled.get_or_insert_with(|| {
                let given_up = end.clone().cancelled_owned();
                Box::pin(async move {
                    // Whichever is first.
                    let _ = timeout(longest, given_up).await;
                })
            });
            ready!(stalled.as_mut().poll(cx));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        poll
    }
}

impl connect::Connection for Connection {
    fn connected(&self) -> Connected {
        self.io.connected().extra(self.watched.clone())
    }
}

impl Read for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        // It may have been given up while the server sends on and on.
        if self.ended.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let room = buffer.remaining().min(PIECE);
        let mut read = ReadBuf::new(buffer.initialize_unfilled_to(room));
        ready!(Pin::new(&mut self.io).poll_read(cx, read.unfilled()))?;
        let bytes = read.filled().len();
        if bytes > 0 {
            self.watched.received();
        }
        // SAFETY: so many bytes were read into what is unfilled.
        unsafe { buffer.advance(bytes) };
        Poll::Ready(Ok(()))
    }
}

impl Write for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.watched.sent();
        let poll = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.sent(cx, poll)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.io).poll_flush(cx);
        ready!(self.sent(cx, poll))?;
        // All that there was has gone: a server that reads a byte now and then would
        // otherwise never be waited for too long.
        self.stalled = None;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A server that does not read must not keep the connection open: the
        // goodbye of TLS is said if it can be said at once.
        let _ = Pin::new(&mut self.io).poll_shutdown(cx);
        Poll::Ready(Ok(()))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.watched.sent();
        let poll = Pin::new(&mut self.io).poll_write_vectored(cx, buffers);
        self.sent(cx, poll)
    }
}
