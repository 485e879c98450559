//! `distri:plugin/sql` in both tracks.

use std::sync::Arc;

use wasmtime::component::{Accessor, HasSelf, Linker, Resource};
use wasmtime_wasi::WasiView as _;

use super::{Asking, Transaction, execute, query, rows};
use crate::bindings::v02::distri::plugin::sql as v02;
use crate::bindings::v03::distri::plugin::{sql as v03, sql_types};
use crate::bindings::{CallError, Rows, Value};
use crate::door::apart;
use crate::frame::Frame;
use crate::places::Place;
use crate::state::State;
use crate::{Error, ErrorKind, Result};

/// Links every version of `distri:plugin/sql`.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    v02::add_to_linker::<State, HasSelf<State>>(linker, |state| state)?;
    v03::add_to_linker::<State, HasSelf<State>>(linker, |state| state)
}

type Answer<T> = Result<T, CallError>;

/// The call and one of its transactions.
fn asked(
    state: &mut State,
    transaction: &Resource<Transaction>,
) -> Answer<(Arc<Frame>, Transaction)> {
    let frame = state.asking()?;
    let transaction = state.ctx().table.get(transaction).cloned();
    let unknown = |_| Error::new(ErrorKind::InvalidInput, "there is no such transaction");
    Ok((frame, transaction.map_err(unknown)?))
}

/// The call, and a place for one more transaction.
fn place(state: &mut State) -> Answer<(Asking, Place)> {
    let frame = state.asking()?;
    let (max, hint) = (frame.limits.transactions, "end them with `commit` or `rollback`");
    let place = state.transactions.place("transactions", max, hint)?;
    Ok(((frame, state.databases()?), place))
}

/// The call, and a place for a statement of it that is not too long. Looked at
/// before anything waits: a guest may ask for thousands at once.
fn statement(state: &mut State, statement: &str, parameters: &[Value]) -> Answer<(Asking, Place)> {
    let frame = state.asking()?;
    rows::check(statement, parameters, frame.limits.payload)?;
    let (max, hint) = (frame.limits.statements, "wait for some before asking for more");
    let place = state.statements.place("statements", max, hint)?;
    Ok(((frame, state.databases()?), place))
}

fn keep(state: &mut State, transaction: Transaction) -> Answer<Resource<Transaction>> {
    let full = |error: wasmtime::component::ResourceTableError| {
        Error::new(ErrorKind::ResourceLimit, error.to_string()).into()
    };
    state.ctx().table.push(transaction).map_err(full)
}

/// Does something in a transaction.
async fn within<T: Send + 'static, F: Future<Output = Result<T>> + Send + 'static>(
    (frame, transaction): (Arc<Frame>, Transaction),
    function: &'static str,
    work: impl FnOnce(Arc<Frame>, Transaction) -> F,
) -> Answer<T> {
    let (asking, name) = (Arc::clone(&frame), Arc::clone(transaction.name()));
    apart(&asking, function, Some(&name), work(frame, transaction)).await.map_err(Into::into)
}

type Asked = (Arc<Frame>, Transaction);

/// One of the call's transactions, and a place for a statement in it.
fn asked_in(
    state: &mut State,
    transaction: &Resource<Transaction>,
    text: &str,
    parameters: &[Value],
) -> Answer<(Asked, Place)> {
    let asked = asked(state, transaction)?;
    let (_, place) = statement(state, text, parameters)?;
    Ok((asked, place))
}

async fn transaction_query(
    (asked, _place): (Asked, Place),
    statement: String,
    parameters: Vec<Value>,
) -> Answer<Rows> {
    within(asked, "sql-transaction-query", |frame, transaction| async move {
        transaction.query(&frame, statement, parameters).await
    })
    .await
}

async fn transaction_execute(
    (asked, _place): (Asked, Place),
    statement: String,
    parameters: Vec<Value>,
) -> Answer<u64> {
    within(asked, "sql-transaction-execute", |frame, transaction| async move {
        transaction.execute(&frame, statement, parameters).await
    })
    .await
}

async fn transaction_commit(asked: Asked) -> Answer<()> {
    within(asked, "sql-transaction-commit", |frame, transaction| async move {
        transaction.commit(&frame).await
    })
    .await
}

async fn transaction_rollback(asked: Asked) -> Answer<()> {
    within(asked, "sql-transaction-rollback", |frame, transaction| async move {
        transaction.rollback(&frame).await
    })
    .await
}

async fn ask_query(
    (asking, _place): (Asking, Place),
    name: String,
    statement: String,
    parameters: Vec<Value>,
) -> Answer<Rows> {
    let frame = Arc::clone(&asking.0);
    apart(&frame, "sql-query", Some(&name.clone()), query(asking, name, statement, parameters))
        .await
        .map_err(Into::into)
}

async fn ask_execute(
    (asking, _place): (Asking, Place),
    name: String,
    statement: String,
    parameters: Vec<Value>,
) -> Answer<u64> {
    let frame = Arc::clone(&asking.0);
    let work = execute(asking, name.clone(), statement, parameters);
    apart(&frame, "sql-execute", Some(&name), work).await.map_err(Into::into)
}

async fn ask_begin((frame, databases): Asking, place: Place, name: String) -> Answer<Transaction> {
    let asking = Arc::clone(&frame);
    let target = name.clone();
    apart(&asking, "sql-begin", Some(&target), async move {
        Transaction::begin((&frame, databases), name, place).await
    })
    .await
    .map_err(Into::into)
}

impl sql_types::Host for State {}

/// Several of these may be under way for one guest.
impl v03::HostWithStore<State> for HasSelf<State> {
    async fn query(
        accessor: &Accessor<State, Self>,
        database: String,
        statement: String,
        parameters: Vec<Value>,
    ) -> Answer<Rows> {
        let asked =
            accessor.with(|mut access| self::statement(access.get(), &statement, &parameters))?;
        ask_query(asked, database, statement, parameters).await
    }

    async fn execute(
        accessor: &Accessor<State, Self>,
        database: String,
        statement: String,
        parameters: Vec<Value>,
    ) -> Answer<u64> {
        let asked =
            accessor.with(|mut access| self::statement(access.get(), &statement, &parameters))?;
        ask_execute(asked, database, statement, parameters).await
    }

    async fn begin(
        accessor: &Accessor<State, Self>,
        database: String,
    ) -> Answer<Resource<Transaction>> {
        let (frame, place) = accessor.with(|mut access| place(access.get()))?;
        let transaction = ask_begin(frame, place, database).await?;
        accessor.with(|mut access| keep(access.get(), transaction))
    }
}

impl v03::Host for State {}

impl v03::HostTransactionWithStore<State> for HasSelf<State> {
    async fn query(
        accessor: &Accessor<State, Self>,
        transaction: Resource<Transaction>,
        statement: String,
        parameters: Vec<Value>,
    ) -> Answer<Rows> {
        let asked = accessor
            .with(|mut access| asked_in(access.get(), &transaction, &statement, &parameters))?;
        transaction_query(asked, statement, parameters).await
    }

    async fn execute(
        accessor: &Accessor<State, Self>,
        transaction: Resource<Transaction>,
        statement: String,
        parameters: Vec<Value>,
    ) -> Answer<u64> {
        let asked = accessor
            .with(|mut access| asked_in(access.get(), &transaction, &statement, &parameters))?;
        transaction_execute(asked, statement, parameters).await
    }

    async fn commit(
        accessor: &Accessor<State, Self>,
        transaction: Resource<Transaction>,
    ) -> Answer<()> {
        transaction_commit(accessor.with(|mut access| asked(access.get(), &transaction))?).await
    }

    async fn rollback(
        accessor: &Accessor<State, Self>,
        transaction: Resource<Transaction>,
    ) -> Answer<()> {
        transaction_rollback(accessor.with(|mut access| asked(access.get(), &transaction))?).await
    }
}

impl v03::HostTransaction for State {
    fn drop(&mut self, transaction: Resource<Transaction>) -> wasmtime::Result<()> {
        self.ctx().table.delete(transaction)?;
        Ok(())
    }
}

/// The guest waits for each of these, on its own stack.
impl v02::Host for State {
    async fn query(
        &mut self,
        database: String,
        statement: String,
        parameters: Vec<Value>,
    ) -> Answer<Rows> {
        let asked = self::statement(self, &statement, &parameters)?;
        ask_query(asked, database, statement, parameters).await
    }

    async fn execute(
        &mut self,
        database: String,
        statement: String,
        parameters: Vec<Value>,
    ) -> Answer<u64> {
        let asked = self::statement(self, &statement, &parameters)?;
        ask_execute(asked, database, statement, parameters).await
    }

    async fn begin(&mut self, database: String) -> Answer<Resource<Transaction>> {
        let (frame, place) = place(self)?;
        let transaction = ask_begin(frame, place, database).await?;
        keep(self, transaction)
    }
}

impl v02::HostTransaction for State {
    async fn query(
        &mut self,
        transaction: Resource<Transaction>,
        statement: String,
        parameters: Vec<Value>,
    ) -> Answer<Rows> {
        let asked = asked_in(self, &transaction, &statement, &parameters)?;
        transaction_query(asked, statement, parameters).await
    }

    async fn execute(
        &mut self,
        transaction: Resource<Transaction>,
        statement: String,
        parameters: Vec<Value>,
    ) -> Answer<u64> {
        let asked = asked_in(self, &transaction, &statement, &parameters)?;
        transaction_execute(asked, statement, parameters).await
    }

    async fn commit(&mut self, transaction: Resource<Transaction>) -> Answer<()> {
        transaction_commit(asked(self, &transaction)?).await
    }

    async fn rollback(&mut self, transaction: Resource<Transaction>) -> Answer<()> {
        transaction_rollback(asked(self, &transaction)?).await
    }

    async fn drop(&mut self, transaction: Resource<Transaction>) -> wasmtime::Result<()> {
        self.ctx().table.delete(transaction)?;
        Ok(())
    }
}
