//! Web servers on loopback: one kind keeps its connections, the other ends each
//! after its answer.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A certificate for `127.0.0.1`.
pub(crate) struct Certificate {
    pub(crate) tls: TlsAcceptor,
    /// The certificate in DER: its own root.
    pub(crate) root: Vec<u8>,
}

impl Certificate {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let rcgen::CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()])?;
        let key =
            PrivateKeyDer::try_from(signing_key.serialize_der()).map_err(anyhow::Error::msg)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)?;
        Ok(Self { tls: TlsAcceptor::from(Arc::new(config)), root: cert.der().to_vec() })
    }
}

/// Starts a server that runs for as long as this program. `keeps` says whether it
/// keeps its connections.
pub(crate) async fn start(tls: Option<TlsAcceptor>, keeps: bool) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            let tls = tls.clone();
            tokio::spawn(async move {
                match tls {
                    None => serve(stream, keeps).await,
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            serve(stream, keeps).await;
                        }
                    }
                }
            });
        }
    });
    Ok(address)
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, keeps: bool) {
    let serving = hyper::server::conn::http1::Builder::new()
        .keep_alive(keeps)
        .serve_connection(TokioIo::new(stream), service_fn(answer));
    // A client that goes away is no concern of the server's.
    let _ = serving.await;
}

async fn answer(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::from("hello")))
}
