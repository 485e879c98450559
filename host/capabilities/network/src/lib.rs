//! What plugins reach over the network: outgoing HTTP requests, each allowed by
//! scheme, host and port, over connections to addresses that were checked. See
//! `docs/decisions/0008-network.md`.

mod address;
mod body;
mod connect;
mod dialer;
mod exchanges;
mod failure;
mod hold;
mod interim;
mod outgoing;
mod pools;
mod request;
mod resolver;
pub mod setters;
mod target;
pub mod waiting;

pub use outgoing::Outgoing;
pub use pools::Network;
pub use resolver::Resolver;
