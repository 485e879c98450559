//! What stands in where no client was compiled in: every request is refused, in words.

pub(crate) mod pools {
    /// No network.
    #[derive(Debug, Default)]
    pub struct Network(());

    impl Network {
        /// Nothing is kept for any package.
        pub fn forget(&self, _: u64) {}
    }
}

pub(crate) mod request {
    use std::sync::Arc;

    use distri_call::frame::Frame;
    use distri_call::{Capability, Error, ErrorKind, door};
    use http::{Request, Response};
    use wasmtime_wasi_http::{RequestOptions, WasiBody};

    use super::pools::Network;
    use crate::exchanges::Turn;
    use crate::failure::Failure;
    use crate::target::Target;

    #[expect(clippy::unused_async, reason = "it stands in for what waits")]
    pub(crate) async fn send(
        (frame, _): (Arc<Frame>, Arc<Network>),
        _: Arc<Turn>,
        request: Request<WasiBody>,
        _: RequestOptions,
    ) -> Result<Response<WasiBody>, Failure> {
        let name = Target::of(request.uri())?.to_string();
        door::authorise_if(&frame, Capability::Network(&name), || Err(absent()))?;
        Err(absent().into())
    }

    fn absent() -> Error {
        Error::new(ErrorKind::Denied, "this host was built without the network")
            .with_hint("build it with the feature `network` of `distri-host`")
    }
}
