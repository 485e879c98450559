//! What plugins reach over the network: outgoing HTTP requests, each allowed by
//! scheme, host and port, over connections to addresses that were checked. See
//! `docs/decisions/0008-network.md`.

mod exchanges;
mod failure;
mod outgoing;
pub mod setters;
mod target;
pub mod waiting;

#[cfg(not(feature = "client"))]
mod absent;
#[cfg(feature = "client")]
mod address;
#[cfg(feature = "client")]
mod body;
#[cfg(feature = "client")]
mod causes;
#[cfg(feature = "client")]
mod connect;
#[cfg(feature = "client")]
mod dialer;
#[cfg(feature = "client")]
mod hold;
#[cfg(feature = "client")]
mod interim;
#[cfg(feature = "client")]
mod pools;
#[cfg(feature = "client")]
mod request;
#[cfg(feature = "client")]
mod resolver;
#[cfg(feature = "client")]
mod room;

#[cfg(not(feature = "client"))]
use absent::{pools, request};

pub use outgoing::Outgoing;
pub use pools::Network;
#[cfg(feature = "client")]
pub use resolver::Resolver;
