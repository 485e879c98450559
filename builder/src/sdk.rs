//! The TypeScript SDK, built in: no package needs to install it.

macro_rules! modules {
    ($($path:literal),* $(,)?) => {
        &[
            $(($path, include_str!(concat!("../sdk/", $path))),)*
            (STREAMS, include_str!("../streams.mjs")),
        ]
    };
}

/// The package that the streams come from, as a module of the SDK.
const STREAMS: &str = "web-streams-polyfill.mjs";

/// The modules by the path they have in the SDK's source folder.
const MODULES: &[(&str, &str)] = modules![
    "base.ts",
    "error.ts",
    "original.ts",
    "plugin.ts",
    "sql.ts",
    "workflow.ts",
    "runtime/clock.ts",
    "runtime/console.ts",
    "runtime/format.ts",
    "runtime/host.async.ts",
    "runtime/host.ts",
    "runtime/json.ts",
    "runtime/locale/compare.ts",
    "runtime/locale/dates.ts",
    "runtime/locale/index.ts",
    "runtime/locale/locales.ts",
    "runtime/locale/numbers.ts",
    "runtime/number.ts",
    "runtime/patch.ts",
    "runtime/phase.ts",
    "runtime/random.ts",
    "runtime/serve.ts",
    "runtime/sql.async.ts",
    "runtime/sql.ts",
    "runtime/thrown.ts",
    "runtime/waiting.ts",
    "runtime/wit.ts",
    "runtime/node/encodings.ts",
    "runtime/node/errors.ts",
    "runtime/node/fs.ts",
    "runtime/node/handle.ts",
    "runtime/node/path.ts",
    "runtime/node/places.ts",
    "runtime/node/process.ts",
    "runtime/node/promises.ts",
    "runtime/node/stats.ts",
    "runtime/web/abort.ts",
    "runtime/web/body.ts",
    "runtime/web/define.ts",
    "runtime/web/events.ts",
    "runtime/web/fetch.ts",
    "runtime/web/headers.ts",
    "runtime/web/http.ts",
    "runtime/web/request.ts",
    "runtime/web/response.ts",
    "runtime/web/search.ts",
    "runtime/web/self.ts",
    "runtime/web/streams.ts",
    "runtime/web/text-streams.ts",
    "runtime/web/text.ts",
    "runtime/web/timers.ts",
    "runtime/web/turn.ts",
    "runtime/web/url.ts",
];

/// What the modules' ids begin with.
pub(crate) const PREFIX: &str = "distri:sdk/";

/// The modules of Node that there are. A package that is written for Node and for
/// browsers may have something of its own under the names without `node:`.
const NODE: &[(&str, &str)] = &[
    ("fs", "runtime/node/fs.ts"),
    ("fs/promises", "runtime/node/promises.ts"),
    ("path", "runtime/node/path.ts"),
    ("path/posix", "runtime/node/path.ts"),
    ("process", "runtime/node/process.ts"),
];

/// The module that a plugin's `import` of the SDK means, if it means one.
pub(crate) fn resolve(specifier: &str, importer: Option<&str>) -> Option<String> {
    let importer = importer.and_then(|importer| importer.strip_prefix(PREFIX));
    let module = match specifier {
        "distri/base" | "distri/base.js" | "distri/base.ts" => "base.ts",
        "distri/sql" | "distri/sql.js" | "distri/sql.ts" => "sql.ts",
        "distri/workflow" | "distri/workflow.js" | "distri/workflow.ts" => "workflow.ts",
        "#host" if importer.is_some() => "runtime/host.async.ts",
        "#sql" if importer.is_some() => "runtime/sql.async.ts",
        "web-streams-polyfill" if importer.is_some() => STREAMS,
        "distri/component" => "runtime/serve.ts",
        // Plugins of the original project import these from the network.
        url if url.starts_with("https://") && url.ends_with("/base.ts") => "base.ts",
        runtime if runtime.starts_with("jsr:@distri/runtime") => "base.ts",
        relative => match relative.strip_prefix("node:") {
            Some(name) => return node(name),
            None => return within(relative, importer?),
        },
    };
    Some(id(module))
}

/// A module of Node, by its name without `node:`.
pub(crate) fn node(name: &str) -> Option<String> {
    NODE.iter().find(|(known, _)| *known == name).map(|(_, module)| id(module))
}

/// The name of a module of Node without `node:`, if there is one.
pub(crate) fn node_name(name: &str) -> Option<&'static str> {
    NODE.iter().find(|(known, _)| *known == name).map(|(known, _)| *known)
}

/// The names of the modules of Node that there are, for people.
pub(crate) fn node_names() -> String {
    NODE.iter().map(|(name, _)| format!("`node:{name}`")).collect::<Vec<_>>().join(", ")
}

/// What a module is known as in a bundle.
pub(crate) fn id(path: &str) -> String {
    format!("{PREFIX}{path}")
}

/// A module's import of another by a relative path.
fn within(specifier: &str, importer: &str) -> Option<String> {
    if !specifier.starts_with('.') {
        return None;
    }
    let mut folder: Vec<&str> = importer.split('/').collect();
    folder.pop();
    for part in specifier.split('/') {
        match part {
            "." => {}
            ".." => drop(folder.pop()),
            part => folder.push(part),
        }
    }
    Some(id(&folder.join("/")))
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
            ("distri/sql", None),
            ("#sql", Some("distri:sdk/sql.ts")),
            ("https://distri.dev/base.ts", None),
            ("jsr:@distri/runtime@^0.1", None),
            ("./phase.ts", Some("distri:sdk/runtime/random.ts")),
            ("./runtime/phase.ts", Some("distri:sdk/workflow.ts")),
            ("../base.ts", Some("distri:sdk/runtime/serve.ts")),
            ("../../workflow.ts", Some("distri:sdk/runtime/web/http.ts")),
            ("web-streams-polyfill", Some("distri:sdk/runtime/web/streams.ts")),
            ("node:fs/promises", Some("/home/me/plugin/index.ts")),
        ] {
            let id = resolve(specifier, importer).unwrap();
            assert!(source(&id).is_some(), "{specifier} -> {id}");
        }
        assert_eq!(resolve("./helper.ts", Some("/home/me/plugin/index.ts")), None);
        assert_eq!(resolve("web-streams-polyfill", Some("/home/me/plugin/index.ts")), None);
        assert_eq!(resolve("zod", None), None);
        assert_eq!(resolve("node:net", None), None);
    }

    /// Nothing in the SDK's folder is forgotten here.
    #[test]
    fn every_module_is_built_in() {
        fn visit(folder: &std::path::Path, root: &std::path::Path) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    visit(&path, root);
                    continue;
                }
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                // Types, and the other track.
                if !name.ends_with(".d.ts") && !name.ends_with(".sync.ts") {
                    assert!(MODULES.iter().any(|(known, _)| *known == name), "{name}");
                }
            }
        }
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sdk");
        visit(&root, &root);
    }
}
