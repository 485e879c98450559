//! Stands between the driver and a PostgreSQL server, and counts what the server
//! answers. The driver takes a message as a whole before anybody can look at it,
//! and a row of one value may have a gigabyte. It reads nothing of what passes,
//! so that connections are as encrypted as they would be without it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio_util::task::AbortOnDropHandle;

/// Bytes that are passed on at once.
const PIECE: usize = 16 << 10;

/// A way to one server for the connections of one pool. Ends with it.
pub(super) struct Relay {
    /// Answers that were too long.
    cut: Arc<AtomicU64>,
    _accepting: AbortOnDropHandle<()>,
    /// Only this user gets to the socket in it.
    _folder: tempfile::TempDir,
}

/// Where the server is.
#[derive(Clone)]
enum Server {
    Tcp(String, u16),
    Unix(PathBuf),
}

impl Relay {
    /// Opens a way to the server of these options, on which an answer may have
    /// `max` bytes, and the options that lead there.
    pub(super) fn open(
        options: PgConnectOptions,
        max: usize,
    ) -> std::io::Result<(Arc<Self>, PgConnectOptions)> {
        let port = options.get_port();
        let name = format!(".s.PGSQL.{port}");
        let host = options.get_host();
        let server = match options.get_socket() {
            Some(folder) => Server::Unix(folder.join(&name)),
            None if host.starts_with('/') => Server::Unix(PathBuf::from(host).join(&name)),
            None => Server::Tcp(host.to_owned(), port),
        };
        let folder = tempfile::tempdir()?;
        let listener = UnixListener::bind(folder.path().join(&name))?;
        // The host stays the one whose certificate is asked for.
        let options = options.socket(folder.path());
        let cut = Arc::new(AtomicU64::new(0));
        let counting = Arc::clone(&cut);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (server, cut) = (server.clone(), Arc::clone(&counting));
                // Ends when either side does.
                tokio::spawn(async move {
                    if let Err(error) = pass(client, server, max, &cut).await {
                        tracing::warn!(target: "distri::database", reason = ?error.to_string(), "the server of a database cannot be reached");
                    }
                });
            }
        });
        let accepting = AbortOnDropHandle::new(accepting);
        Ok((Arc::new(Self { cut, _accepting: accepting, _folder: folder }), options))
    }

    /// How many answers were too long so far.
    pub(super) fn cut(&self) -> u64 {
        self.cut.load(Ordering::Relaxed)
    }
}

async fn pass(
    client: UnixStream,
    server: Server,
    max: usize,
    cut: &AtomicU64,
) -> std::io::Result<()> {
    match server {
        Server::Tcp(host, port) => {
            let server = TcpStream::connect((host, port)).await?;
            server.set_nodelay(true)?;
            between(client, server, max, cut).await;
        }
        Server::Unix(path) => between(client, UnixStream::connect(path).await?, max, cut).await,
    }
    Ok(())
}

/// Passes on what each side says, until one of them is gone or an answer is too
/// long: what the server says between two things that the client says.
async fn between(
    mut client: UnixStream,
    server: impl AsyncRead + AsyncWrite,
    max: usize,
    cut: &AtomicU64,
) {
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = tokio::io::split(server);
    let answered = AtomicUsize::new(0);
    let questions = async {
        let mut piece = vec![0; PIECE];
        while let Ok(length @ 1..) = from_client.read(&mut piece).await {
            answered.store(0, Ordering::Relaxed);
            let Some(said) = piece.get(..length) else { break };
            if to_server.write_all(said).await.is_err() {
                break;
            }
        }
    };
    let answers = async {
        let mut piece = vec![0; PIECE];
        while let Ok(length @ 1..) = from_server.read(&mut piece).await {
            if answered.fetch_add(length, Ordering::Relaxed).saturating_add(length) > max {
                cut.fetch_add(1, Ordering::Relaxed);
                break;
            }
            let Some(said) = piece.get(..length) else { break };
            if to_client.write_all(said).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = questions => {}
        () = answers => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers each byte with as many thousands.
    fn server() -> (tempfile::TempDir, PgConnectOptions) {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.7")).unwrap();
        tokio::spawn(async move {
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                tokio::spawn(async move {
                    while let Ok(asked) = client.read_u8().await {
                        let _ = client.write_all(&vec![asked; usize::from(asked) * 1000]).await;
                    }
                });
            }
        });
        let options = PgConnectOptions::new_without_pgpass().socket(folder.path()).port(7);
        (folder, options)
    }

    #[tokio::test]
    async fn answers_pass_until_one_is_too_long() {
        let (_folder, options) = server();
        let (relay, options) = Relay::open(options, 100_000).unwrap();
        let path = options.get_socket().unwrap().join(".s.PGSQL.7");
        let mut client = UnixStream::connect(&path).await.unwrap();
        for _ in 0..3 {
            client.write_u8(90).await.unwrap();
            let mut answer = vec![0; 90_000];
            client.read_exact(&mut answer).await.unwrap();
            assert!(answer.iter().all(|byte| *byte == 90));
        }
        assert_eq!(relay.cut(), 0);
        client.write_u8(200).await.unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        assert!(answer.len() <= 100_000, "{}", answer.len());
        assert_eq!(relay.cut(), 1);
        // It ends with its pool.
        drop(relay);
        assert!(!path.exists());
    }
}
