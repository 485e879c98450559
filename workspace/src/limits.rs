//! What a package's `[limits]` ask for in vain.

use std::path::{Path, PathBuf};

use distri_host::Limits;
use distri_manifest::{
    InstanceMode, Instances, LimitRequest, MANIFEST_FILE, PackageName, limit_line, manifest_key,
};

use crate::Workspace;

/// The variable that names a policy.
const POLICY_VARIABLE: &str = "DISTRI_POLICY";

impl Workspace {
    /// What of a manifest's limits has no effect, in a sentence each: a manifest may
    /// only lower what the host and its operator allow. `folder` is the package's.
    pub fn ineffective_limits(
        &self,
        package: &PackageName,
        folder: &Path,
        request: &LimitRequest,
        instances: &Instances,
    ) -> Vec<String> {
        let file = std::env::var_os(POLICY_VARIABLE).map(PathBuf::from);
        let policy = self.policy(file.as_deref(), false).unwrap_or_default();
        let limits = Limits::default().with(&policy.limits).of_package(package.as_str(), &policy);
        let path = folder.join(MANIFEST_FILE);
        let mut warnings = Vec::new();
        for above in limits.ineffective(request) {
            let key = manifest_key(above.limit).unwrap_or(above.limit);
            let place = match limit_line(&self.root().join(&path), key) {
                Some((line, text)) => format!("`{text}` in {}:{line}", path.display()),
                None => format!("`[limits] {key}`"),
            };
            warnings.push(format!(
                "{place} has no effect: the host allows {}, and a manifest may only lower it; \
                 its operator raises it with `--limit {limit}={}`, or in `[packages.{package}.limits]` of the policy",
                above.allowed,
                above.asked,
                limit = above.limit,
            ));
        }
        if instances.mode == InstanceMode::PerCall && *instances != Instances::default() {
            warnings.push(
                "`[instances] max_calls` has no effect: each call has an instance of its own, \
                 unless `mode` is \"per-session\" or \"shared\""
                    .to_owned(),
            );
        }
        warnings
    }
}
