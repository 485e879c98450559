//! What stands in where no engine was compiled in: there is no database, in words.

use distri_call::door::authorise_if;
use distri_call::frame::Frame;
use distri_call::{Capability, Error, ErrorKind, Result};
use distri_manifest::Access;

/// Refuses a database, which is asked for at the door like any other.
fn refuse<T>(frame: &Frame, name: &str, access: Access) -> Result<T> {
    authorise_if(frame, Capability::Database { name, access }, || Err(absent()))?;
    Err(absent())
}

fn absent() -> Error {
    Error::new(ErrorKind::Denied, "this host was built without databases")
        .with_hint("build it with the feature `databases` of `distri-host`")
}

pub(crate) mod pools {
    /// No databases.
    #[derive(Debug, Default)]
    pub struct Databases(());

    impl Databases {
        /// Nothing is kept for any package.
        pub fn forget(&self, _: u64) {}
    }
}

pub(crate) mod rows {
    use distri_call::Result;

    use crate::values::Value;

    #[expect(clippy::unnecessary_wraps, reason = "it stands in for what checks")]
    pub(crate) fn check(_: &str, _: &[Value], _: usize) -> Result<()> {
        Ok(())
    }
}

pub(crate) mod query {
    use std::sync::Arc;

    use distri_call::Result;
    use distri_call::frame::Frame;
    use distri_manifest::Access;

    use super::pools::Databases;
    use super::refuse;
    use crate::values::{Rows, Value};

    pub(crate) type Asking = (Arc<Frame>, Arc<Databases>);

    pub(crate) async fn query(
        (frame, _): Asking,
        name: String,
        _: String,
        _: Vec<Value>,
    ) -> Result<Rows> {
        refuse(&frame, &name, Access::Read)
    }

    pub(crate) async fn execute(
        (frame, _): Asking,
        name: String,
        _: String,
        _: Vec<Value>,
    ) -> Result<u64> {
        refuse(&frame, &name, Access::ReadWrite)
    }
}

pub(crate) mod transaction {
    use std::convert::Infallible;
    use std::sync::Arc;

    use distri_call::Result;
    use distri_call::frame::Frame;
    use distri_call::places::Place;
    use distri_manifest::Access;

    use super::pools::Databases;
    use super::refuse;
    use crate::values::{Rows, Value};

    /// There is none.
    #[derive(Clone)]
    #[expect(unreachable_pub, reason = "the generated code exports it again")]
    pub struct Transaction(Infallible);

    #[expect(clippy::unused_async, reason = "it stands in for what waits")]
    impl Transaction {
        pub(crate) async fn begin(
            (frame, _): (&Frame, Arc<Databases>),
            name: String,
            _: Place,
        ) -> Result<Self> {
            refuse(frame, &name, Access::Read)
        }

        pub(crate) fn name(&self) -> &Arc<str> {
            match self.0 {}
        }

        pub(crate) async fn query(&self, _: &Frame, _: String, _: Vec<Value>) -> Result<Rows> {
            match self.0 {}
        }

        pub(crate) async fn execute(&self, _: &Frame, _: String, _: Vec<Value>) -> Result<u64> {
            match self.0 {}
        }

        pub(crate) async fn commit(&self, _: &Frame) -> Result<()> {
            match self.0 {}
        }

        pub(crate) async fn rollback(&self, _: &Frame) -> Result<()> {
            match self.0 {}
        }
    }
}
