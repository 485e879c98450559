//! `distri conformance`.

use distri_conformance::{Status, check};
use distri_host::{Error, ErrorKind, Limits};

use crate::args::{Args, Conformance};
use crate::failure::Failure;
use crate::terminal::Progress;
use crate::{output, session};

pub(crate) async fn run(args: &Args, conformance: &Conformance) -> Result<(), Failure> {
    let most = u64::try_from(Limits::default().component_size).unwrap_or(u64::MAX);
    let wasm = distri_files::read(&conformance.component, most).map_err(|error| {
        let path = conformance.component.display();
        Failure::Usage(Error::new(ErrorKind::NotFound, format!("cannot read `{path}`: {error}")))
    })?;
    let progress = Progress::new();
    progress.now("compiling the component");
    let report = check(session::builder(), wasm, |outcome| {
        progress.now(format!("after {}", outcome.case));
        if args.json {
            return;
        }
        progress.done(|| match &outcome.status {
            Status::Passed => {
                output::line(&format!("ok    {:<30} {}", outcome.case, outcome.about));
            }
            Status::Failed(why) => {
                output::line(&format!("FAIL  {:<30} {}: {why}", outcome.case, outcome.about));
            }
            Status::NotApplicable(why) => {
                output::line(&format!("-     {:<30} {why}", outcome.case));
            }
        });
    })
    .await?;
    drop(progress);
    let (passed, failed, not_applicable) = report.counts();
    if args.json {
        output::json(&report);
    } else {
        output::line("");
        output::line(&format!(
            "distri:plugin@{}: {passed} passed, {failed} failed, {not_applicable} did not apply",
            report.abi
        ));
    }
    if failed == 0 { Ok(()) } else { Err(Failure::Reported) }
}
