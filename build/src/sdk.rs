//! The TypeScript SDK, built in: no package needs to install it.

/// The modules by the path they have in the SDK's source folder.
const MODULES: &[(&str, &str)] = &[
    ("base.ts", include_str!("../sdk/base.ts")),
    ("workflow.ts", include_str!("../sdk/workflow.ts")),
    ("runtime/host.ts", include_str!("../sdk/runtime/host.ts")),
    ("runtime/host.async.ts", include_str!("../sdk/runtime/host.async.ts")),
    ("runtime/phase.ts", include_str!("../sdk/runtime/phase.ts")),
    ("runtime/random.ts", include_str!("../sdk/runtime/random.ts")),
    ("runtime/console.ts", include_str!("../sdk/runtime/console.ts")),
    ("runtime/serve.ts", include_str!("../sdk/runtime/serve.ts")),
];

/// What the modules' ids begin with.
const PREFIX: &str = "distri:sdk/";

/// The module that a plugin's `import` of the SDK means, if it means one.
pub(crate) fn resolve(specifier: &str, importer: Option<&str>) -> Option<String> {
    let module = match specifier {
        "distri/base" | "distri/base.js" | "distri/base.ts" => "base.ts",
        "distri/workflow" | "distri/workflow.js" | "distri/workflow.ts" => "workflow.ts",
        "#host" if importer.is_some_and(|importer| importer.starts_with(PREFIX)) => {
            "runtime/host.async.ts"
        }
        "distri/component" => "runtime/serve.ts",
        // Plugins of the original project import these from the network.
        url if url.starts_with("https://") && url.ends_with("/base.ts") => "base.ts",
        runtime if runtime.starts_with("jsr:@distri/runtime") => "workflow.ts",
        relative => return within(relative, importer?.strip_prefix(PREFIX)?),
    };
    Some(format!("{PREFIX}{module}"))
}

/// A module's import of another by a relative path.
fn within(specifier: &str, importer: &str) -> Option<String> {
    let folder = importer.rsplit_once('/').map_or("", |(folder, _)| folder);
    let (folder, name) = match specifier.strip_prefix("../") {
        Some(name) => ("", name),
        None => (folder, specifier.strip_prefix("./")?),
    };
    let slash = if folder.is_empty() { "" } else { "/" };
    Some(format!("{PREFIX}{folder}{slash}{name}"))
}

/// The source of a module.
pub(crate) fn source(id: &str) -> Option<&'static str> {
    let path = id.strip_prefix(PREFIX)?;
    MODULES.iter().find(|(name, _)| *name == path).map(|(_, source)| *source)
}

/// All of the SDK's text, for digests.
pub(crate) fn all() -> impl Iterator<Item = &'static str> {
    MODULES.iter().flat_map(|(name, source)| [*name, *source])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_find_the_built_in_modules() {
        for (specifier, importer) in [
            ("distri/base", None),
            ("https://distri.dev/base.ts", None),
            ("./phase.ts", Some("distri:sdk/runtime/random.ts")),
            ("./runtime/phase.ts", Some("distri:sdk/workflow.ts")),
            ("../base.ts", Some("distri:sdk/runtime/serve.ts")),
        ] {
            let id = resolve(specifier, importer).unwrap();
            assert!(source(&id).is_some(), "{specifier} -> {id}");
        }
        assert_eq!(resolve("./helper.ts", Some("/home/me/plugin/index.ts")), None);
        assert_eq!(resolve("zod", None), None);
    }
}
