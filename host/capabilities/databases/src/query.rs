//! Statements by themselves.

use std::sync::Arc;

use distri_call::door::authorise;
use distri_call::frame::Frame;
use distri_call::{Capability, Result};
use distri_manifest::Access;

use crate::lease::Scope;
use crate::pools::Databases;
use crate::rows;
use crate::rows::Collector;
use crate::statement::Statement;
use crate::values::{Rows, Value};

/// The call that asks, and what it asks.
pub(super) type Asking = (Arc<Frame>, Arc<Databases>);

/// A guest's `query`: it reads, unless its words say that it writes.
pub(super) async fn query(
    (frame, databases): Asking,
    name: String,
    statement: String,
    parameters: Vec<Value>,
) -> Result<Rows> {
    let access = Access::Read;
    authorise(&frame, Capability::Database { name: &name, access })?;
    let (_, rows) = alone((&frame, &databases), &name, access, (statement, parameters)).await?;
    Ok(rows)
}

/// A guest's `execute`.
pub(super) async fn execute(
    (frame, databases): Asking,
    name: String,
    statement: String,
    parameters: Vec<Value>,
) -> Result<u64> {
    let access = Access::ReadWrite;
    authorise(&frame, Capability::Database { name: &name, access })?;
    let (changed, _) = alone((&frame, &databases), &name, access, (statement, parameters)).await?;
    Ok(changed)
}

/// Runs a statement by itself: wholly or not at all.
async fn alone(
    (frame, databases): (&Frame, &Databases),
    name: &str,
    access: Access,
    (statement, parameters): (String, Vec<Value>),
) -> Result<(u64, Rows)> {
    let statement = Statement::parse(statement, parameters.len(), databases.url(name)?.1)?;
    if statement.access > access {
        authorise(frame, Capability::Database { name, access: statement.access })?;
    }
    let access = access.max(statement.access);
    let parameters = rows::parameters(parameters)?;
    let mut session = databases.begin(frame, name, access, Scope::Statement).await?;
    let mut rows = Collector::new(&frame.limits);
    let changed = match session.run(&statement, &parameters, &mut rows).await {
        Ok(changed) => session.commit().await.map(|()| changed),
        Err(fault) => {
            if fault.is_statements()
                && let Err(fault) = session.rollback().await
            {
                tracing::debug!(database = name, ?fault, "a connection is closed");
            }
            Err(fault)
        }
    };
    let changed = changed.map_err(|fault| fault.told(frame, name))?;
    Ok((changed, rows.finish()))
}
