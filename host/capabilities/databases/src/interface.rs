//! `distri:plugin/sql` in both tracks.

use std::sync::Arc;

use distri_abi::bindings::CallError;
use distri_call::door::{apart, asking};
use distri_call::frame::Frame;
use distri_call::places::{Open, Place};
use distri_call::{Error, ErrorKind, Result};
use wasmtime::component::{Accessor, HasData, Linker, Resource, ResourceTable, ResourceTableError};

use crate::bindings::v02::distri::plugin::sql as v02;
use crate::bindings::v03::distri::plugin::sql as v03;
use crate::pools::Databases;
use crate::query::{Asking, execute, query};
use crate::rows;
use crate::transaction::Transaction;
use crate::values::{Rows, Value, sql_types};

/// What a store has for its guest's databases.
pub struct SqlCtx<'a> {
    /// The call within which the guest asks.
    pub frame: Option<&'a Arc<Frame>>,
    /// The databases, where there are any.
    pub databases: Option<&'a Arc<Databases>>,
    /// The statements that are under way.
    pub statements: &'a Open,
    /// The transactions that are open.
    pub transactions: &'a Open,
    /// Where its transactions are.
    pub table: &'a mut ResourceTable,
}

/// A store whose guest may ask for databases.
pub trait SqlView: Send + 'static {
    /// What it has for them.
    fn sql(&mut self) -> SqlCtx<'_>;
}

struct HasSql;

impl HasData for HasSql {
    type Data<'a> = SqlCtx<'a>;
}

/// Links every version of `distri:plugin/sql`.
pub fn add_to_linker<T: SqlView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    v02::add_to_linker::<T, HasSql>(linker, T::sql)?;
    v03::add_to_linker::<T, HasSql>(linker, T::sql)
}

type Answer<T> = Result<T, CallError>;

impl SqlCtx<'_> {
    /// The call, and what it asks.
    fn asking(&self) -> Answer<Asking> {
        let frame = asking(self.frame)?;
        let none = || Error::new(ErrorKind::Denied, "there are no databases here");
        Ok((frame, self.databases.cloned().ok_or_else(none)?))
    }

    /// The call and one of its transactions.
    fn asked(&self, transaction: &Resource<Transaction>) -> Answer<Asked> {
        let (frame, _) = self.asking()?;
        let transaction = self.table.get(transaction).cloned();
        let unknown = |_| Error::new(ErrorKind::InvalidInput, "there is no such transaction");
        Ok((frame, transaction.map_err(unknown)?))
    }

    /// The call, and a place for one more transaction.
    fn place(&self) -> Answer<(Asking, Place)> {
        let asking = self.asking()?;
        let (max, hint) = (asking.0.limits.transactions, "end them with `commit` or `rollback`");
        let place = self.transactions.place("transactions", max, hint)?;
        Ok((asking, place))
    }

    /// The call, and a place for a statement of it that is not too long. Looked at
    /// before anything waits: a guest may ask for thousands at once.
    fn statement(&self, statement: &str, parameters: &[Value]) -> Answer<(Asking, Place)> {
        let asking = self.asking()?;
        rows::check(statement, parameters, asking.0.limits.payload)?;
        let (max, hint) = (asking.0.limits.statements, "wait for some before asking for more");
        let place = self.statements.place("statements", max, hint)?;
        Ok((asking, place))
    }

    /// One of the call's transactions, and a place for a statement in it.
    fn asked_in(
        &self,
        transaction: &Resource<Transaction>,
        text: &str,
        parameters: &[Value],
    ) -> Answer<(Asked, Place)> {
        let asked = self.asked(transaction)?;
        let (_, place) = self.statement(text, parameters)?;
        Ok((asked, place))
    }

    fn keep(&mut self, transaction: Transaction) -> Answer<Resource<Transaction>> {
        let full = |error: ResourceTableError| {
            Error::new(ErrorKind::ResourceLimit, error.to_string()).into()
        };
        self.table.push(transaction).map_err(full)
    }
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

impl sql_types::Host for SqlCtx<'_> {}

/// Several of these may be under way for one guest.
impl<T: SqlView> v03::HostWithStore<T> for HasSql {
    async fn query(
        accessor: &Accessor<T, Self>,
        database: String,
        statement: String,
        parameters: Vec<Value>,
    ) -> Answer<Rows> {
        let asked = accessor.with(|mut access| access.get().statement(&statement, &parameters))?;
        ask_query(asked, database, statement, parameters).await
    }

    async fn execute(
        accessor: &Accessor<T, Self>,
        database: String,
        statement: String,
        parameters: Vec<Value>,
    ) -> Answer<u64> {
        let asked = accessor.with(|mut access| access.get().statement(&statement, &parameters))?;
        ask_execute(asked, database, statement, parameters).await
    }

    async fn begin(
        accessor: &Accessor<T, Self>,
        database: String,
    ) -> Answer<Resource<Transaction>> {
        let (frame, place) = accessor.with(|mut access| access.get().place())?;
        let transaction = ask_begin(frame, place, database).await?;
        accessor.with(|mut access| access.get().keep(transaction))
    }
}

impl v03::Host for SqlCtx<'_> {}

impl<T: SqlView> v03::HostTransactionWithStore<T> for HasSql {
    async fn query(
        accessor: &Accessor<T, Self>,
        transaction: Resource<Transaction>,
        statement: String,
        parameters: Vec<Value>,
    ) -> Answer<Rows> {
        let asked = accessor
            .with(|mut access| access.get().asked_in(&transaction, &statement, &parameters))?;
        transaction_query(asked, statement, parameters).await
    }

    async fn execute(
        accessor: &Accessor<T, Self>,
        transaction: Resource<Transaction>,
        statement: String,
        parameters: Vec<Value>,
    ) -> Answer<u64> {
        let asked = accessor
            .with(|mut access| access.get().asked_in(&transaction, &statement, &parameters))?;
        transaction_execute(asked, statement, parameters).await
    }

    async fn commit(
        accessor: &Accessor<T, Self>,
        transaction: Resource<Transaction>,
    ) -> Answer<()> {
        transaction_commit(accessor.with(|mut access| access.get().asked(&transaction))?).await
    }

    async fn rollback(
        accessor: &Accessor<T, Self>,
        transaction: Resource<Transaction>,
    ) -> Answer<()> {
        transaction_rollback(accessor.with(|mut access| access.get().asked(&transaction))?).await
    }
}

impl v03::HostTransaction for SqlCtx<'_> {
    fn drop(&mut self, transaction: Resource<Transaction>) -> wasmtime::Result<()> {
        self.table.delete(transaction)?;
        Ok(())
    }
}

/// The guest waits for each of these, on its own stack.
impl v02::Host for SqlCtx<'_> {
    async fn query(
        &mut self,
        database: String,
        statement: String,
        parameters: Vec<Value>,
    ) -> Answer<Rows> {
        let asked = self.statement(&statement, &parameters)?;
        ask_query(asked, database, statement, parameters).await
    }

    async fn execute(
        &mut self,
        database: String,
        statement: String,
        parameters: Vec<Value>,
    ) -> Answer<u64> {
        let asked = self.statement(&statement, &parameters)?;
        ask_execute(asked, database, statement, parameters).await
    }

    async fn begin(&mut self, database: String) -> Answer<Resource<Transaction>> {
        let (frame, place) = self.place()?;
        let transaction = ask_begin(frame, place, database).await?;
        self.keep(transaction)
    }
}

impl v02::HostTransaction for SqlCtx<'_> {
    async fn query(
        &mut self,
        transaction: Resource<Transaction>,
        statement: String,
        parameters: Vec<Value>,
    ) -> Answer<Rows> {
        let asked = self.asked_in(&transaction, &statement, &parameters)?;
        transaction_query(asked, statement, parameters).await
    }

    async fn execute(
        &mut self,
        transaction: Resource<Transaction>,
        statement: String,
        parameters: Vec<Value>,
    ) -> Answer<u64> {
        let asked = self.asked_in(&transaction, &statement, &parameters)?;
        transaction_execute(asked, statement, parameters).await
    }

    async fn commit(&mut self, transaction: Resource<Transaction>) -> Answer<()> {
        transaction_commit(self.asked(&transaction)?).await
    }

    async fn rollback(&mut self, transaction: Resource<Transaction>) -> Answer<()> {
        transaction_rollback(self.asked(&transaction)?).await
    }

    async fn drop(&mut self, transaction: Resource<Transaction>) -> wasmtime::Result<()> {
        self.table.delete(transaction)?;
        Ok(())
    }
}
