//! `distri:plugin/sql`'s `transaction`.

use std::sync::Arc;

use distri_call::door::authorise;
use distri_call::frame::Frame;
use distri_call::places::Place;
use distri_call::{Capability, Error, ErrorKind, Result};
use distri_manifest::Access;
use tokio::sync::Mutex;

use crate::lease::Scope;
use crate::pools::Databases;
use crate::rows;
use crate::rows::Collector;
use crate::session::Session;
use crate::statement::Statement;
use crate::values::{Rows, Value};

/// A transaction of a guest's. Dropped before it is over, its connection is
/// closed, and the database rolls it back.
#[derive(Clone)]
#[expect(unreachable_pub, reason = "the generated code exports it again")]
pub struct Transaction {
    name: Arc<str>,
    databases: Arc<Databases>,
    /// One statement at a time.
    progress: Arc<Mutex<Progress>>,
}

/// How far a transaction has come.
enum Progress {
    Open(Lent),
    /// A statement of it failed: all that is left is to undo it.
    Failed(Lent),
    Over,
}

/// The connection, and the place that the transaction takes.
struct Lent(Session, Place);

impl Transaction {
    /// Begins one, to write if the call's package may.
    pub(crate) async fn begin(
        (frame, databases): (&Frame, Arc<Databases>),
        name: String,
        place: Place,
    ) -> Result<Self> {
        let may = |access| authorise(frame, Capability::Database { name: &name, access });
        may(Access::Read)?;
        let granted = frame.package.grant.database(&name);
        let access = match granted {
            Some(Access::ReadWrite) if may(Access::ReadWrite).is_ok() => Access::ReadWrite,
            _ => Access::Read,
        };
        let session = databases.begin(frame, &name, access, Scope::Transaction).await?;
        let progress = Arc::new(Mutex::new(Progress::Open(Lent(session, place))));
        Ok(Self { name: name.into(), databases, progress })
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(crate) async fn query(
        &self,
        frame: &Frame,
        statement: String,
        parameters: Vec<Value>,
    ) -> Result<Rows> {
        let mut rows = Collector::new(&frame.limits);
        self.run(frame, statement, parameters, &mut rows).await?;
        Ok(rows.finish())
    }

    pub(crate) async fn execute(
        &self,
        frame: &Frame,
        statement: String,
        parameters: Vec<Value>,
    ) -> Result<u64> {
        let mut rows = Collector::new(&frame.limits);
        self.run(frame, statement, parameters, &mut rows).await
    }

    async fn run(
        &self,
        frame: &Frame,
        statement: String,
        parameters: Vec<Value>,
        collector: &mut Collector,
    ) -> Result<u64> {
        let (_, dialect) = self.databases.url(&self.name)?;
        let statement = Statement::parse(statement, parameters.len(), dialect)?;
        let capability = Capability::Database { name: &self.name, access: statement.access };
        authorise(frame, capability)?;
        let parameters = rows::parameters(parameters)?;
        let mut progress = self.progress.lock().await;
        // Whatever keeps this from going on takes the connection with it.
        let Lent(mut session, place) = match std::mem::replace(&mut *progress, Progress::Over) {
            Progress::Open(lent) => lent,
            Progress::Failed(lent) => {
                *progress = Progress::Failed(lent);
                return Err(over("a statement of this transaction failed")
                    .with_hint("undo it with `rollback`"));
            }
            Progress::Over => return Err(over("the transaction is over")),
        };
        match session.run(&statement, &parameters, collector).await {
            Ok(changed) => {
                *progress = Progress::Open(Lent(session, place));
                Ok(changed)
            }
            Err(fault) => {
                if fault.is_statements() {
                    *progress = Progress::Failed(Lent(session, place));
                }
                Err(fault.told(frame, &self.name))
            }
        }
    }

    pub(crate) async fn commit(&self, frame: &Frame) -> Result<()> {
        let mut progress = self.progress.lock().await;
        match std::mem::replace(&mut *progress, Progress::Over) {
            Progress::Open(Lent(session, _)) => {
                let done = session.commit().await;
                done.map_err(|fault| fault.told(frame, &self.name))
            }
            Progress::Failed(Lent(session, _)) => {
                let undone = session.rollback().await;
                undone.map_err(|fault| fault.told(frame, &self.name))?;
                Err(over("a statement of this transaction failed: it was rolled back"))
            }
            Progress::Over => Err(over("the transaction is over")),
        }
    }

    pub(crate) async fn rollback(&self, frame: &Frame) -> Result<()> {
        let mut progress = self.progress.lock().await;
        match std::mem::replace(&mut *progress, Progress::Over) {
            Progress::Open(Lent(session, _)) | Progress::Failed(Lent(session, _)) => {
                let done = session.rollback().await;
                done.map_err(|fault| fault.told(frame, &self.name))
            }
            Progress::Over => Err(over("the transaction is over")),
        }
    }
}

fn over(message: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
}
